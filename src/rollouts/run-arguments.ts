import { checkBoolean, checkInteger, checkKeys, checkObject, checkOneOf, checkSignal, keysOf } from '../arguments.js';
import { checkController } from '../environment/controller.js';
import { checkPolicySpec } from '../policy/actor.js';
import { GRADIENT_METHODS } from '../schedules/gradient-methods/gradient-method.js';
import { SCHEDULES } from '../schedules/registry.js';
import { checkTask } from '../tasks/task.js';
import { moduleUrl } from './controller-module.js';
import type { ControllerSpec, TrainerSpec } from './controller-spec.js';
import type { EnvironmentSettings, Episode, EvaluateEpisodesOptions, RunOptions } from './executor.js';

/** The checks of what executors are told; each throws `INVALID_ARGUMENT`. What tasks say is checked where they are run. */

const SETTINGS_KEYS = keysOf<EnvironmentSettings>({
	observation: true,
	action: true,
	multiplier: true,
	reward: true,
	agents: true,
	secondControl: true,
	baseSchedule: true,
});
const RUN_KEYS = keysOf<RunOptions>({
	signal: true,
	greedy: true,
	explorationSeed: true,
	sharedExplorationNoise: true,
});
const EVALUATE_KEYS = keysOf<EvaluateEpisodesOptions>({ signal: true, test: true, testPoints: true });
const EPISODE_KEYS = keysOf<Episode>({ task: true, controller: true, minimumAccuracies: true, parameters: true });

type Variant<Type extends TrainerSpec['type']> = Extract<TrainerSpec, { readonly type: Type }>;
const TRAINER_KEYS = {
	schedule: keysOf<Variant<'schedule'>>({ type: true, name: true, options: true }),
	policy: keysOf<Variant<'policy'>>({ type: true, policy: true, baseSchedule: true }),
	module: keysOf<Variant<'module'>>({ type: true, module: true }),
	controller: keysOf<Variant<'controller'>>({ type: true, controller: true }),
	'gradient-method': keysOf<Variant<'gradient-method'>>({ type: true, method: true }),
} as const;
const TRAINER_TYPES = Object.keys(TRAINER_KEYS) as readonly (keyof typeof TRAINER_KEYS)[];
const METHOD_KEYS = keysOf<Variant<'gradient-method'>['method']>({ name: true, options: true });

export function checkEnvironmentSettings(settings: EnvironmentSettings): void {
	checkKeys(settings, 'environment', SETTINGS_KEYS);
}

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
	checkKeys(episode, 'episode', EPISODE_KEYS);
	checkTask(episode.task);
	checkBoolean(episode.parameters, 'episode.parameters');
	checkTrainer(episode.controller, 'episode.controller');
}

/** A controller, or a method, as plain data. */
export function checkTrainer(trainer: TrainerSpec | ControllerSpec, name: string): void {
	checkObject(trainer, name);
	const type = checkOneOf(trainer.type, `${name}.type`, TRAINER_TYPES);
	checkKeys(trainer, name, TRAINER_KEYS[type]);
	switch (trainer.type) {
		case 'schedule':
			checkOneOf(trainer.name, `${name}.name`, SCHEDULES);
			return;
		case 'policy':
			checkPolicySpec(trainer.policy?.spec, `${name}.policy.spec`);
			return;
		case 'module':
			moduleUrl(trainer.module, `${name}.module`);
			return;
		case 'controller':
			checkController(trainer.controller, `${name}.controller`);
			return;
		case 'gradient-method':
			checkKeys(trainer.method, `${name}.method`, METHOD_KEYS);
			checkOneOf(trainer.method.name, `${name}.method.name`, GRADIENT_METHODS);
	}
}
