import { explorationFields } from '../policy/exploration-settings.js';
import { checkSettings } from '../settings/check-settings.js';
import { boolean, choice, integer, number, type SettingsOf, section } from '../settings/setting-fields.js';
import { LEARNER_BACKENDS } from '../tensorflow/learner-backend.js';

/** Independent PPO with shared parameters, or with a critic that also sees the mean observation over the network's agents. */
export const LEARNING_ALGORITHMS = ['ippo', 'mappo'] as const;
export type LearningAlgorithm = (typeof LEARNING_ALGORITHMS)[number];

/** The defaults are what learned fastest in the experiment on learning-rate control (docs/agents.md): feed-forward, 32 networks × 20 decisions. */
const ppoFields = {
	algorithm: choice(LEARNING_ALGORITHMS, {
		default: 'ippo',
		option: '--algorithm <name>',
		group: 'Learner',
		description: "Independent PPO, or with a critic that sees the mean over a network's layers.",
	}),
	/** Adam's. */
	learningRate: number({
		default: 3e-3,
		min: 0,
		max: 1,
		description: "The learner's own learning rate at the first iteration; linear to the final one.",
	}),
	finalLearningRate: number({
		default: 3e-4,
		min: 0,
		max: 1,
		description: "The learner's own learning rate at the last iteration.",
	}),
	entropyCoefficient: number({
		default: 0.003,
		min: 0,
		max: 10,
		description: 'Weight of the entropy bonus at the first iteration; linear to the final one.',
	}),
	finalEntropyCoefficient: number({
		default: 0,
		min: 0,
		max: 10,
		description: 'Weight of the entropy bonus at the last iteration.',
	}),
	clip: number({ default: 0.2, min: 0, above: true, max: 1, description: "PPO's clip of the probability ratio." }),
	discount: number({ default: 1, min: 0, max: 1, description: 'Discount γ per decision.' }),
	lambda: number({ default: 0.95, min: 0, max: 1, description: 'λ of generalised advantage estimation.' }),
	epochs: integer({ default: 4, min: 1, max: 1000, description: 'Passes over the data of an iteration.' }),
	miniBatches: integer({ default: 4, min: 1, max: 10_000, description: 'Mini-batches of a pass.' }),
	/** Of mean (V − R)². */
	valueCoefficient: number({ default: 0.5, min: 0, max: 100, description: 'Weight of the value loss.' }),
	valueClip: number({
		default: 0,
		min: 0,
		max: 1000,
		description: "Clip of the value's change within an iteration; 0: none.",
	}),
	/** Of actor and critic together. */
	maximumGradientNorm: number({
		default: 0.5,
		min: 0,
		above: true,
		max: 1e6,
		description: 'Gradients are scaled down to this global norm.',
	}),
	normalizeAdvantages: boolean({ default: true, description: 'Normalise advantages over each batch.' }),
	leaveOneOut: boolean({
		default: false,
		description:
			"Take the mean advantage of the task's other networks at the same decision from each: how hard a task is goes out of what agents learn from.",
	}),
	advantagePhases: integer({
		default: 1,
		min: 1,
		max: 1000,
		description:
			'Equal parts of an episode over each of which advantages are normalised apart: late decisions move the return less.',
	}),
	targetKl: number({
		default: 0.04,
		min: 0,
		max: 100,
		unit: 'nats',
		description: 'After an epoch with a larger approximate KL the rest of the epochs is left out; 0: never.',
	}),
	normalizerIterations: integer({
		default: 20,
		min: 0,
		max: 1_000_000,
		description: 'Iterations in which the observation normaliser learns; frozen afterwards.',
	}),
};

const ppoSection = section(ppoFields);

/** Settings of PPO; the section `learner` of a config (docs/meta-training.md lists its keys) without how it explores and what computes it. */
export interface PpoSettings extends SettingsOf<typeof ppoSection> {}

/** The section `learner` of a config. */
export const learnerSection = section({
	...ppoFields,
	...explorationFields,
	backend: choice(LEARNER_BACKENDS, {
		default: 'wasm',
		option: '--learner-backend <name>',
		group: 'Learner',
		description: "tfjs back end of the learner; only 'wasm' and 'cpu' promise the same bits on every run.",
	}),
});

export const DEFAULT_PPO_SETTINGS: PpoSettings = ppoSection.parse({});

/** Fills in the defaults and checks every value. @throws GannoError `INVALID_ARGUMENT` */
export function resolvePpoSettings(changes: Partial<PpoSettings> = {}): PpoSettings {
	return checkSettings(ppoSection, changes, 'ppo');
}

/** Linear from `first` at iteration 0 to `last` at the end, and `last` beyond it. */
export function linearSchedule(first: number, last: number, iteration: number, iterations: number): number {
	return first + (last - first) * Math.min(iteration / Math.max(iterations, 1), 1);
}
