import type { z } from 'zod';
import { checkKeys, invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';
import type { FieldDescription } from './setting-fields.js';
import { valueAt } from './setting-values.js';

/** What a schema of settings says of its keys, and what is wrong with values that do not fit it. */

/** A setting as tables and `--help` print it. */
export interface SettingKey extends FieldDescription {
	/** Dotted, e.g. `learner.clip`. */
	readonly key: string;
	readonly default: unknown;
}

interface SchemaNode {
	readonly def: {
		readonly type: string;
		readonly innerType?: SchemaNode;
		readonly element?: SchemaNode;
		readonly options?: readonly SchemaNode[];
		readonly in?: SchemaNode;
		readonly defaultValue?: unknown;
	};
	readonly shape?: Readonly<Record<string, SchemaNode>>;
	meta(): Partial<FieldDescription> | undefined;
}

/** Behind `.default()`, `.prefault()`, `.optional()` and a transformation. */
function unwrapped(node: SchemaNode): SchemaNode {
	const inner = node.def.innerType ?? node.def.in;
	return inner === undefined ? node : unwrapped(inner);
}

/** Every key of a schema, in the order of its declaration. */
export function settingKeys(schema: z.ZodType, prefix = ''): SettingKey[] {
	const { shape } = unwrapped(schema as unknown as SchemaNode);
	return Object.entries(shape ?? {}).flatMap(([name, node]) => {
		const key = `${prefix}${name}`;
		if (unwrapped(node).shape !== undefined) return settingKeys(node as unknown as z.ZodType, `${key}.`);
		const { description = '', expected = '', unit = '', choices, option, group } = node.meta() ?? {};
		return [{ key, description, expected, unit, default: node.def.defaultValue, choices, option, group }];
	});
}

/** What is wrong with a value: one thing. */
export interface SettingFault {
	readonly path: readonly PropertyKey[];
	/** A key that there is none of. */
	readonly unknown?: string;
	/** The keys that there are beside an unknown one. */
	readonly known?: readonly string[];
	/** What was expected, in the words after "Expected". */
	readonly expected: string;
	/** Under which circumstances, in the words after the key. */
	readonly when?: string | undefined;
	readonly received: unknown;
	/** A sentence that says it all. */
	readonly sentence?: string | undefined;
	/** Whether it came from a check of several settings. */
	readonly check?: boolean;
}

/** What a check says that no single field can say of itself; see `refuse`. */
interface CustomFault {
	readonly expected?: string;
	readonly when?: string;
	readonly received?: unknown;
	readonly sentence?: string;
}

/** Reports a fault from a check of several settings. @param path of the one that is named */
export function refuse(payload: z.core.ParsePayload, path: readonly PropertyKey[], fault: CustomFault): void {
	payload.issues.push({ code: 'custom', path: [...path], input: payload.value, params: { ...fault }, message: '' });
}

/** Where in a value its faults lie. */
export function settingFaults(schema: z.ZodType, value: unknown, error: z.ZodError): SettingFault[] {
	return error.issues.flatMap((issue) => faultsOf(issue, [], schema as unknown as SchemaNode, value));
}

function faultsOf(
	issue: z.core.$ZodIssue,
	base: readonly PropertyKey[],
	schema: SchemaNode,
	value: unknown,
): SettingFault[] {
	const path = [...base, ...issue.path];
	const received = valueAt(value, path);
	if (issue.code === 'unrecognized_keys') {
		const known = Object.keys(nodeAt(schema, issue.path)?.shape ?? {});
		return issue.keys.map((unknown) => ({
			path: [...path, unknown],
			unknown,
			known,
			expected: 'no such key',
			received: valueAt(value, [...path, unknown]),
		}));
	}
	if (issue.code === 'invalid_union') {
		const words = wordsOfType(issue);
		if (words !== undefined) {
			const at = [...path, 'type'];
			return [{ path: at, expected: `one of ${words.join(', ')}`, received: valueAt(value, at) }];
		}
		const best = closestOption(issue);
		if (best !== undefined) {
			const option = nodeAt(schema, issue.path)?.def.options?.[best.index] ?? schema;
			const inner = best.issues.flatMap((each) => faultsOf(each, path, option, value));
			if (inner.some((each) => each.path.length > path.length)) return inner;
		}
	}
	const own = issue.code === 'custom' ? ((issue.params ?? {}) as CustomFault) : {};
	return [
		{
			path,
			expected: own.expected ?? expectation(issue),
			when: own.when,
			received: 'received' in own ? own.received : received,
			sentence: own.sentence,
			check: own.expected !== undefined,
		},
	];
}

/** The words that `type` can be, where none of a union's options has the one that was given. */
function wordsOfType({ errors }: z.core.$ZodIssueInvalidUnion): string[] | undefined {
	const words = errors.map((issues) =>
		issues.find(({ code, path }) => code === 'invalid_value' && path.join() === 'type'),
	);
	if (errors.length === 0 || words.includes(undefined)) return undefined;
	return [
		...new Set(
			words.flatMap((issue) => (issue as z.core.$ZodIssueInvalidValue).values.map((word) => `'${String(word)}'`)),
		),
	];
}

/** The option of a union that was most likely meant: the one with the fewest faults, and of those the one whose fault lies deepest. */
function closestOption({ errors }: z.core.$ZodIssueInvalidUnion) {
	const options = errors.map((issues, index) => ({
		index,
		issues,
		// A key too many tells more than one too few.
		faults: issues.reduce((sum, each) => sum + (each.code === 'unrecognized_keys' ? 1.5 * each.keys.length : 1), 0),
		depth: Math.max(0, ...issues.map(({ path }) => path.length)),
		wrongType: issues.some(({ code, path }) => code === 'invalid_value' && path.join() === 'type'),
	}));
	return options
		.filter(({ wrongType }) => !wrongType)
		.toSorted((a, b) => a.faults - b.faults || b.depth - a.depth)
		.at(0);
}

/** The schema of what lies at a path, behind defaults; undefined where the path leads into a choice of several. */
function nodeAt(schema: SchemaNode, path: readonly PropertyKey[]): SchemaNode | undefined {
	return path.reduce<SchemaNode | undefined>((node, key) => {
		const next = typeof key === 'number' ? node?.def.element : node?.shape?.[String(key)];
		return next === undefined ? undefined : unwrapped(next);
	}, unwrapped(schema));
}

/** What zod expected, in the words after "Expected". */
export function expectation({ message }: z.core.$ZodIssue): string {
	return message
		.replace(/^(Invalid input|Invalid option|Too small|Too big): expected /, '')
		.replace(/, received .*$/, '')
		.replace(/ to be (?=[<>])/, ' ');
}

/** The key of a fault, and under which circumstances it is one. */
export function faultKey(key: string, { when }: SettingFault): string {
	return when === undefined ? key : `${key} ${when}`;
}

/** `networks[0].hidden` */
function bracketed(path: readonly PropertyKey[]): string {
	return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
}

interface CheckOptions {
	/** Keys of earlier versions, at any depth, and what became of each. */
	readonly former?: Readonly<Record<string, string>>;
	/** Keys beside the settings, which the caller checks. */
	readonly beside?: readonly string[];
}

/**
 * Settings that a program gave: checked, with the defaults of what it left out. Keys that are there but undefined count as left out.
 * @param name of the argument, for messages
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function checkSettings<S extends z.ZodType>(
	schema: S,
	value: unknown,
	name: string,
	{ former = {}, beside = [] }: CheckOptions = {},
): z.output<S> {
	const keys = Object.keys(unwrapped(schema as unknown as SchemaNode).shape ?? {});
	checkKeys(value, name, [...beside, ...keys], former);
	const settings = Object.fromEntries(Object.entries(value as object).filter(([key]) => !beside.includes(key)));
	const result = schema.safeParse(settings);
	if (result.success) return result.data;
	const [fault] = settingFaults(schema, settings, result.error) as [SettingFault];
	if (fault.unknown !== undefined) {
		const parent = `${name}${bracketed(fault.path.slice(0, -1))}`;
		checkKeys({ [fault.unknown]: true }, parent, fault.known ?? [], former);
	}
	const at = `${name}${bracketed(fault.path)}`;
	if (fault.sentence !== undefined) throw new GannoError('INVALID_ARGUMENT', `${at}: ${fault.sentence}`);
	const known = fault.check === true ? undefined : settingKeys(schema).find(({ key }) => key === fault.path.join('.'));
	throw invalidArgument(known?.expected ?? fault.expected, faultKey(at, fault), fault.received);
}
