import { types } from 'node:util';
import { checkFloat32Array, checkObject, checkPath, invalidArgument } from '../arguments.js';
import { counted } from '../counted.js';
import { WEIGHT_DECAY_LEVELS } from '../environment/actions/joint-action.js';
import {
	AGENT_SPACES,
	type AgentSpaces,
	actorOutputs,
	CONTROLLER_KINDS,
	controllerKindOf,
} from '../environment/agent-spaces.js';
import { isError } from '../errors.js';
import { badFile } from '../files/file-system-error.js';
import { checkVersion, type FormatName, migratePolicySpec, migrateTraining, VERSION } from '../files/migrations.js';
import { readSafetensors, type StoredTensor, writeSafetensors } from '../files/safetensors.js';
import { actorParameterCount, actorTensorShapes, checkPolicySpec, splitTensors, type TensorShape } from './actor.js';
import { cardLines, checkCard } from './model-card.js';
import type { Policy, PolicySpec, TrainingRecord } from './policy.js';
import { policyFile } from './shipped-policies.js';

/**
 * A policy file is a safetensors file: the actor's tensors, the normaliser's two, and the metadata `format`, `version`, `spec` (the
 * observation, action rule and network of the policy) and `training` (how it was trained), the last two as JSON. A published policy has
 * a `card` too.
 */

const FORMAT: FormatName = 'ganno-policy';
const ADVICE = 'Train the policy again, or copy the file again from where it came';

function fileShapes(spec: PolicySpec): TensorShape[] {
	return [
		...actorTensorShapes(spec),
		{ name: 'normalizer/mean', shape: [spec.observationSize] },
		{ name: 'normalizer/standardDeviation', shape: [spec.observationSize] },
	];
}

/**
 * Writes a policy, atomically.
 * @throws GannoError `INVALID_ARGUMENT` for arrays that do not fit the spec or are not finite, `FILE_SYSTEM`
 */
export function savePolicy(path: string, policy: Policy): void {
	checkObject(policy, 'policy');
	checkObject(policy.training, 'policy.training');
	const spec = checkPolicySpec(policy.spec, 'policy.spec');
	checkFloat32Array(policy.parameters, 'policy.parameters', actorParameterCount(spec));
	checkFloat32Array(policy.normalizerMean, 'policy.normalizerMean', spec.observationSize);
	checkFloat32Array(policy.normalizerStandardDeviation, 'policy.normalizerStandardDeviation', spec.observationSize);
	const tensors: StoredTensor[] = [
		...splitTensors(actorTensorShapes(spec), policy.parameters),
		{ name: 'normalizer/mean', shape: [spec.observationSize], data: policy.normalizerMean },
		{ name: 'normalizer/standardDeviation', shape: [spec.observationSize], data: policy.normalizerStandardDeviation },
	];
	const problem = findBadValue(tensors);
	if (problem !== undefined)
		throw badFile(path, `the policy was not written: ${problem}`, 'Save an earlier checkpoint');
	writeSafetensors(path, tensors, {
		format: FORMAT,
		version: String(VERSION),
		spec: JSON.stringify(spec),
		training: jsonText(policy.training, 'policy.training'),
		...(policy.card === undefined ? {} : { card: jsonText(checkCard(policy.card, 'policy.card'), 'policy.card') }),
	});
}

function jsonText(value: object, name: string): string {
	try {
		return JSON.stringify(value);
	} catch (cause) {
		const problem = isError(cause) ? cause.message : String(cause);
		throw invalidArgument('plain JSON', name, value, problem);
	}
}

/** The first value that is not finite, or not positive where it must be. */
function findBadValue(tensors: readonly StoredTensor[]): string | undefined {
	for (const { name, data } of tensors) {
		const positive = name === 'normalizer/standardDeviation';
		const index = data.findIndex((x) => !Number.isFinite(x) || (positive && x <= 0));
		if (index >= 0) return `${name}[${index}] is ${data[index]}`;
	}
	return undefined;
}

function parse(path: string, metadata: Readonly<Record<string, string>>, key: string): Record<string, unknown> {
	let value: unknown;
	try {
		value = JSON.parse(metadata[key] ?? 'null');
	} catch (cause) {
		throw badFile(path, `its metadata '${key}' is not JSON`, ADVICE, cause);
	}
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		throw badFile(path, `its metadata '${key}' is missing or is not an object`, ADVICE);
	}
	return value as Record<string, unknown>;
}

function readCard(path: string, metadata: Readonly<Record<string, string>>): Pick<Policy, 'card'> {
	if (metadata.card === undefined) return {};
	try {
		return { card: checkCard(parse(path, metadata, 'card'), 'card') };
	} catch (cause) {
		throw badFile(path, `its card is not valid: ${(cause as Error).message}`, ADVICE, cause);
	}
}

function readSpec(path: string, metadata: Readonly<Record<string, string>>, version: number): PolicySpec {
	const value = migratePolicySpec(parse(path, metadata, 'spec'), version) as unknown as PolicySpec;
	try {
		checkPolicySpec(value);
	} catch (cause) {
		throw badFile(path, `its spec is not valid: ${(cause as Error).message}`, ADVICE, cause);
	}
	const advice = 'Use the version of ganno it was trained with';
	const kind = controllerKindOf(value.observation);
	if (kind === undefined || value.observationSize !== AGENT_SPACES[kind].observationSize) {
		const known = CONTROLLER_KINDS.map((each) => AGENT_SPACES[each])
			.map(({ observation, observationSize }) => `'${observation}' of ${observationSize}`)
			.join(' and ');
		throw badFile(
			path,
			`its policy needs the observation '${value.observation}' of ${counted(value.observationSize, 'feature')}, and this version of ganno has ${known}`,
			advice,
		);
	}
	const spaces: AgentSpaces = AGENT_SPACES[kind];
	const outputs = actorOutputs(spaces, value.action, value.secondControl);
	if (outputs !== value.actions || !spaces.granularities.includes(value.granularity)) {
		const known = Object.keys(spaces.actions).flatMap((action) =>
			spaces.secondControls.map((control) => {
				const beside = control === 'none' ? '' : ` with ${control}`;
				return `${action}${beside} of ${actorOutputs(spaces, action, control)}`;
			}),
		);
		const beside = value.secondControl === undefined ? '' : ` with ${value.secondControl}`;
		throw badFile(
			path,
			`its policy needs the action rule '${value.action}'${beside} of ${counted(value.actions, 'action')} for granularity '${value.granularity}', ` +
				`and this version of ganno has, for '${value.observation}', ${known.join(', ')}, for granularity '${spaces.granularities.join("' and '")}'`,
			advice,
		);
	}
	const {
		network,
		observation,
		observationSize,
		action,
		actions,
		multiplier,
		hiddenUnits,
		granularity,
		secondControl,
	} = value;
	const factor = multiplier === undefined ? {} : { multiplier };
	const second = secondControl === undefined ? {} : { secondControl };
	return { network, observation, observationSize, action, actions, ...factor, hiddenUnits, granularity, ...second };
}

/**
 * Reads a policy strictly: exactly its tensors, of the right shapes and type, all finite.
 * @param file a path, or the name of a policy of the package: `default`, `one-action`, `adaptive-lr`
 * @throws GannoError `FILE_SYSTEM` when it cannot be read, `BAD_FILE` with the path and what was wrong
 */
export function loadPolicy(file: string): Policy {
	const path = policyFile(checkPath(file, 'path'));
	const { tensors, metadata } = readSafetensors(path);
	if (metadata.format !== FORMAT) {
		throw badFile(path, 'it is a safetensors file but not a policy of ganno', "Give the 'policy.safetensors' of a run");
	}
	const version = checkVersion(path, FORMAT, metadata.version);
	const spec = readSpec(path, metadata, version);
	const training: TrainingRecord = migrateTraining(parse(path, metadata, 'training'), version);
	const shapes = fileShapes(spec);
	const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
	for (const { name } of tensors) {
		if (!shapes.some((shape) => shape.name === name)) {
			throw badFile(path, `it has a tensor '${name}', which a ${spec.network} policy has not`, ADVICE);
		}
	}
	const problem = findBadValue(tensors);
	if (problem !== undefined) throw badFile(path, problem, ADVICE);
	const read = (name: string, shape: readonly number[]): Float32Array => {
		const tensor = byName.get(name);
		if (tensor === undefined) throw badFile(path, `its tensor '${name}' is missing`, ADVICE);
		if (!types.isFloat32Array(tensor.data) || tensor.shape.join() !== shape.join()) {
			throw badFile(
				path,
				`its tensor '${name}' is a ${tensor.data.constructor.name} of shape [${tensor.shape.join(', ')}], ` +
					`not a Float32Array of shape [${shape.join(', ')}]`,
				ADVICE,
			);
		}
		return tensor.data;
	};
	const parameters = new Float32Array(actorParameterCount(spec));
	for (const { name, shape, data } of splitTensors(actorTensorShapes(spec), parameters)) data.set(read(name, shape));
	return {
		spec,
		parameters,
		normalizerMean: read('normalizer/mean', [spec.observationSize]),
		normalizerStandardDeviation: read('normalizer/standardDeviation', [spec.observationSize]),
		training,
		...readCard(path, metadata),
	};
}

function describeAction({ action, actions, multiplier }: PolicySpec): string {
	const range = multiplier === undefined ? '' : `, a factor of at most ${multiplier}`;
	return action === 'continuous'
		? `continuous (mean and deviation${range})`
		: `${action} (${counted(actions, 'action')}${range})`;
}

/** What a person wants to know about a policy, in order: a name and a value a line. */
export function describePolicy(policy: Policy): { readonly name: string; readonly value: string }[] {
	const { spec, parameters, training } = policy;
	const network =
		spec.network === 'feed-forward'
			? `feed-forward: ${spec.observationSize} → tanh ${spec.hiddenUnits} → tanh ${spec.hiddenUnits} → ${spec.actions}`
			: `recurrent: ${spec.observationSize} → ReLU ${spec.hiddenUnits} → GRU ${spec.hiddenUnits} → ReLU ${spec.hiddenUnits} → ${spec.actions}`;
	return [
		{ name: 'network', value: network },
		{ name: 'parameters', value: String(parameters.length) },
		{ name: 'observation', value: `${spec.observation} (${counted(spec.observationSize, 'feature')})` },
		{ name: 'action', value: describeAction(spec) },
		...(spec.secondControl === undefined
			? []
			: [{ name: 'second control', value: `${spec.secondControl} of ${WEIGHT_DECAY_LEVELS.join(', ')}` }]),
		{ name: 'agents', value: spec.granularity === 'network' ? 'one per network' : 'one per layer' },
		...Object.entries(training).map(([name, value]) => ({
			name: `training.${name}`,
			value: typeof value === 'string' ? value : JSON.stringify(value),
		})),
		...cardLines(policy.card),
	];
}
