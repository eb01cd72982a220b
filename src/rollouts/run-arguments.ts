import { checkBoolean, checkInteger, checkKeys, checkObject, checkOneOf, checkSignal, keysOf } from '../arguments.js';
import { resolveAgentSpaces } from '../environment/agent-spaces.js';
import { checkController } from '../environment/controller.js';
import { GannoError } from '../errors.js';
import { checkPolicySpec } from '../policy/actor.js';
import type { PolicySpec } from '../policy/policy.js';
import { GRADIENT_METHODS } from '../schedules/gradient-methods/gradient-method-registry.js';
import { SCHEDULES } from '../schedules/registry.js';
import { checkTask } from '../tasks/task.js';
import { moduleUrl } from './controller-module.js';
import type { MethodSpec } from './controller-spec.js';
import type { EnvironmentSettings } from './environment-settings.js';
import type { Episode, EvaluateEpisodesOptions, RunOptions } from './executor.js';

/** The checks of what executors are told; each throws `INVALID_ARGUMENT`. What tasks say is checked where they are run. */

const RUN_KEYS = keysOf<RunOptions>({
	signal: true,
	greedy: true,
	explorationSeed: true,
	sharedExplorationNoise: true,
});
const EVALUATE_KEYS = keysOf<EvaluateEpisodesOptions>({ signal: true, test: true, testPoints: true });
const EPISODE_KEYS = keysOf<Episode>({ task: true, method: true, minimumAccuracies: true, parameters: true });

type Variant<Type extends MethodSpec['type']> = Extract<MethodSpec, { readonly type: Type }>;
const METHOD_KEYS = {
	schedule: keysOf<Variant<'schedule'>>({ type: true, name: true, options: true }),
	policy: keysOf<Variant<'policy'>>({ type: true, policy: true, baseSchedule: true }),
	module: keysOf<Variant<'module'>>({ type: true, module: true }),
	controller: keysOf<Variant<'controller'>>({ type: true, controller: true }),
	'gradient-method': keysOf<Variant<'gradient-method'>>({ type: true, method: true }),
} as const;
const METHOD_TYPES = Object.keys(METHOD_KEYS) as readonly (keyof typeof METHOD_KEYS)[];
const GRADIENT_METHOD_KEYS = keysOf<Variant<'gradient-method'>['method']>({ name: true, options: true });

export function checkRunOptions(options: RunOptions): void {
	checkKeys(options, 'options', RUN_KEYS);
	checkSignal(options.signal);
	checkBoolean(options.greedy, 'greedy');
	checkBoolean(options.sharedExplorationNoise, 'sharedExplorationNoise');
	checkInteger(options.explorationSeed ?? 0, 'explorationSeed', 0, 0xffffffff);
}

/** @returns how often an episode looks at the test split; 0: never */
export function checkEvaluateOptions(options: EvaluateEpisodesOptions): number {
	checkKeys(options, 'options', EVALUATE_KEYS);
	checkSignal(options.signal);
	const points = checkInteger(options.testPoints ?? 1, 'testPoints', 1);
	return checkBoolean(options.test, 'test', true) ? points : 0;
}

export function checkEpisode(episode: Episode): void {
	checkKeys(episode, 'episode', EPISODE_KEYS, { controller: 'is called method now' });
	checkTask(episode.task);
	checkBoolean(episode.parameters, 'episode.parameters');
	checkMethod(episode.method, 'episode.method');
}

/** A controller, or a method, as plain data. */
export function checkMethod(method: MethodSpec, name: string): void {
	checkObject(method, name);
	const type = checkOneOf(method.type, `${name}.type`, METHOD_TYPES);
	checkKeys(method, name, METHOD_KEYS[type]);
	switch (method.type) {
		case 'schedule':
			checkOneOf(method.name, `${name}.name`, SCHEDULES);
			return;
		case 'policy':
			checkPolicySpec(method.policy?.spec, `${name}.policy.spec`);
			return;
		case 'module':
			moduleUrl(method.module, `${name}.module`);
			return;
		case 'controller':
			checkController(method.controller, `${name}.controller`);
			return;
		case 'gradient-method':
			checkKeys(method.method, `${name}.method`, GRADIENT_METHOD_KEYS);
			checkOneOf(method.method.name, `${name}.method.name`, GRADIENT_METHODS);
	}
}

/** @throws GannoError `INVALID_ARGUMENT` where the policy was made for other observations, actions or agents */
export function checkPolicyFits(spec: PolicySpec, environment: EnvironmentSettings): void {
	const { spaces, rule, granularity, secondControl } = resolveAgentSpaces(environment);
	const { observation, observationSize } = spaces;
	const { multiplier } = rule;
	const expected = { observation, observationSize, action: rule.mode, multiplier, granularity, secondControl };
	for (const [key, value] of Object.entries(expected)) {
		const own = spec[key as keyof typeof expected];
		if (own === value) continue;
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The policy has ${key}: ${quote(own)} but the environment has ${key}: ${quote(value)}. Open the environment as the policy's spec says.`,
		);
	}
}

function quote(value: string | number | undefined): string {
	return typeof value === 'string' ? `'${value}'` : String(value);
}
