import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Help } from 'commander';
import { type Config, type ConfigInput, parseConfig } from '../config/config.js';
import { counted } from '../counted.js';
import { ACTION_COUNT } from '../environment/actions/actions.js';
import { openActionRule, THREE_WAY_ACTIONS } from '../environment/actions/scaling-action.js';
import { AGENT_SPACES, type ControllerKind, controllerKindOf } from '../environment/agent-spaces.js';
import { HEADLINES } from '../evaluation/suites/suite-targets.js';
import { ganno } from '../own-command.js';
import type { ModelCard } from '../policy/model-card.js';
import type { Policy, PolicySpec, TrainingRecord } from '../policy/policy.js';
import { describePolicy } from '../policy/policy-file.js';
import { RUN_FILES } from '../runs/run-directory.js';

/** What a person wants to know about a policy, on a screen: what it is, how it came about, how well it does, where it fails. */

/** Width of the names on the left, and of everything. */
const LEFT = 10;
const WIDEST = 100;

interface Entry {
	readonly name: string;
	/** Commands and paths are to be pasted: never broken into lines. */
	readonly paragraphs: readonly (string | { readonly verbatim: string })[];
}

/** Where the results of a policy without a card are, or how to get them. */
function evaluation(name: string, file: string): Entry['paragraphs'] {
	const [results, report] = [RUN_FILES.evaluation, RUN_FILES.report].map((entry) => join(dirname(file), entry));
	return existsSync(results as string)
		? ['Of its last evaluation:', { verbatim: results as string }, { verbatim: report as string }]
		: ['None in the file. To evaluate it:', { verbatim: ganno`evaluate ${name}` }];
}

/** @param name how it was named on the command line @param width of the terminal */
export function policySummary(policy: Policy, name: string, file: string, width = 80): string {
	const { card, spec, training } = policy;
	const facts = new Map(describePolicy(policy).map((line) => [line.name, line.value]));
	const entries: Entry[] = [
		{ name: 'policy', paragraphs: [{ verbatim: file }, ...(card === undefined ? [] : [card.summary])] },
		{ name: 'observes', paragraphs: [observes(spec)] },
		{ name: 'decides', paragraphs: [decides(spec, facts.get('second control'))] },
		{
			name: 'network',
			paragraphs: [`${facts.get('network')}; ${policy.parameters.length.toLocaleString('en')} parameters`],
		},
		{ name: 'trained', paragraphs: trained(training) },
		...(card === undefined
			? [{ name: 'results', paragraphs: evaluation(name, file) }]
			: [
					{ name: 'results', paragraphs: results(card) },
					{ name: 'limits', paragraphs: card.limitations },
					{ name: 'licence', paragraphs: [card.licence] },
				]),
		{ name: 'more', paragraphs: ['Every result and setting:', { verbatim: `${ganno`info ${name}`} --json` }] },
	];
	const columns = Math.min(width, WIDEST) - LEFT;
	return entries
		.flatMap(({ name: title, paragraphs }) =>
			paragraphs
				.flatMap((text) => (typeof text === 'string' ? wrapped(text, columns) : [text.verbatim]))
				.map((line, i) => `${(i === 0 ? title : '').padEnd(LEFT)}${line}`),
		)
		.join('\n');
}

/** Lines of a paragraph; all but the first are set in. */
function wrapped(text: string, columns: number): string[] {
	return new Help()
		.boxWrap(text, columns - 2)
		.split('\n')
		.map((line, i) => (i === 0 ? line : `  ${line}`));
}

/** What each kind of controller observes, in short; docs/environment.md has the formulas. */
const OBSERVED: Readonly<Record<ControllerKind, string>> = {
	layerwise: 'learning rate, gradients, weights, updates, training and validation loss, progress, depth',
	'adaptive-lr': 'training and validation loss, spread of the predictions, output layer, learning rate',
};

function observes({ observation, granularity }: PolicySpec): string {
	const kind = controllerKindOf(observation) as ControllerKind;
	const of = kind === 'adaptive-lr' ? 'the network' : granularity === 'network' ? 'the mean over layers' : 'each layer';
	return `${AGENT_SPACES[kind].observationSize} features of ${of} (${observation}): ${OBSERVED[kind]}`;
}

function decides({ action, actions, multiplier, granularity }: PolicySpec, second: string | undefined): string {
	const whose =
		granularity === 'network'
			? 'one agent sets all learning rates'
			: "an agent per layer sets that layer's learning rate";
	const beside = second === undefined ? '' : `, and ${second}`;
	const count = action === 'continuous' ? '' : `, ${counted(actions, 'action')}`;
	return `${whose}: ${effect(action, multiplier)}${beside} (${action}${count})`;
}

/** What an action does to a learning rate that is where it began. */
function effect(action: string, multiplier: number | undefined): string {
	if (action === 'continuous') return `times any factor from 1/${multiplier} to ${multiplier}`;
	const rule = openActionRule(action as Parameters<typeof openActionRule>[0], multiplier);
	const begun = 1e-3;
	const count = action === 'three-way' ? THREE_WAY_ACTIONS : ACTION_COUNT;
	const rates = Array.from({ length: count }, (_, a) => {
		const rate = Float32Array.of(begun);
		rule.apply(Uint8Array.of(a), 1, rate);
		return rate[0] as number;
	});
	if (action === 'absolute') return `to one of ${rates.map((rate) => rate.toExponential(1)).join(', ')}`;
	return `times ${rates.map((rate) => Number((rate / begun).toPrecision(3))).join(', ')}`;
}

function trained(training: TrainingRecord): string[] {
	const text = (key: string): string => {
		const value = training[key];
		if (value === undefined) return 'unknown';
		return typeof value === 'string' ? value : JSON.stringify(value);
	};
	const config = configOf(training);
	return [
		`by ganno ${text('ganno')} on ${text('dataset')}: ${text('algorithm')}, ${counted(Number(training.iterations ?? 0), 'iteration')}, seed ${text('seed')}`,
		...(config === undefined ? [] : [tasks(config)]),
	];
}

/** The settings, where this version understands them; those of agents and rewards are not asked for, and may be of another. */
function configOf({ config }: TrainingRecord): Config | undefined {
	try {
		return parseConfig({ ...(config as ConfigInput), environment: {} });
	} catch {
		return undefined;
	}
}

function tasks({
	tasks: { networks, optimizers, batchSizes, horizon, decisions, initialLearningRates },
}: Config): string {
	const kinds = [...new Set(networks.map(({ type }) => type))].join(', ');
	return [
		`networks ${kinds}`,
		`optimisers ${[...new Set(optimizers.map((each) => (typeof each === 'string' ? each : each.algorithm)))].join(', ')}`,
		`batches of ${range(batchSizes)}`,
		`${range(horizon)} steps with ${range(decisions)} decisions`,
		`from learning rates ${range(initialLearningRates)}`,
	].join('; ');
}

function range(values: readonly number[]): string {
	const [low, high] = [Math.min(...values), Math.max(...values)];
	return low === high ? figure(low) : `${figure(low)} to ${figure(high)}`;
}

/** `0.1`, `1e-6`. */
function figure(value: number): string {
	return value > 0 && value < 1e-3 ? value.toExponential() : String(value);
}

/** Facts, the targets that say most, and those that were missed; `NAME: met: VALUE` each. */
function results({ evaluation }: ModelCard): string[] {
	const entries = Object.entries(evaluation).map(([name, text]) => {
		const [, verdict, value = text] = /^(met|missed): (.*)$/s.exec(text) ?? [];
		return { name, verdict, value };
	});
	const facts = entries.filter(({ verdict }) => verdict === undefined);
	const targets = entries.filter(({ verdict }) => verdict !== undefined);
	const missed = targets.filter(({ verdict }) => verdict === 'missed');
	const headlines = targets.filter(({ name }) => HEADLINES.includes(name));
	return [
		...[...facts, ...headlines].map(({ name, value }) => `${name}: ${value}`),
		...(targets.length === 0 ? [] : [`targets: ${targets.length - missed.length} of ${targets.length} met; missed:`]),
		...grouped(missed).map((line) => `- ${line}`),
	];
}

/** `FAMILY: CLAIM` of one claim in a line, with what each came to. */
function grouped(missed: readonly { readonly name: string; readonly value: string }[]): string[] {
	const claims = new Map<string, string[]>();
	for (const { name, value } of missed) {
		const [, subject, claim = name] = /^(.+): (.+)$/s.exec(name) ?? [];
		const short = value.split(' ')[0] as string;
		claims.set(claim, [...(claims.get(claim) ?? []), subject === undefined ? short : `${subject} ${short}`]);
	}
	return [...claims].map(([claim, found]) => `${claim}: ${found.join('; ')}`);
}
