import { checkBoolean, checkInteger, checkKeys, checkNumber, checkOneOf, keysOf } from '../arguments.js';

/** Independent PPO with shared parameters, or with a critic that also sees the mean observation over the network's agents. */
export const LEARNING_ALGORITHMS = ['ippo', 'mappo'] as const;
export type LearningAlgorithm = (typeof LEARNING_ALGORITHMS)[number];

export interface PpoSettings {
	readonly algorithm: LearningAlgorithm;
	/** Adam's step size at the first iteration; linear to `finalLearningRate` at the last. */
	readonly learningRate: number;
	readonly finalLearningRate: number;
	/** Entropy bonus at the first iteration; linear to `finalEntropyCoefficient` at the last. */
	readonly entropyCoefficient: number;
	readonly finalEntropyCoefficient: number;
	readonly clip: number;
	readonly discount: number;
	readonly lambda: number;
	readonly epochs: number;
	readonly miniBatches: number;
	/** Of mean (V − R)². */
	readonly valueCoefficient: number;
	/** Clip of the value's change within an update; absent: not clipped. */
	readonly valueClip?: number | undefined;
	/** Global norm of actor and critic together. */
	readonly maximumGradientNorm: number;
	readonly normalizeAdvantages: boolean;
	/** Advantages are those beyond the mean of the task's other networks at the same decision. */
	readonly leaveOneOut: boolean;
	/** Equal parts of an episode over each of which advantages are normalised apart. */
	readonly advantagePhases: number;
	/** After an epoch whose mean approximate KL is above this, the rest of the epochs is left out; absent: never. */
	readonly targetKl?: number | undefined;
	/** Iterations in which the observation normaliser learns; then it is frozen. */
	readonly normalizerIterations: number;
}

/** What learned fastest in the experiment on learning-rate control (docs/agents.md): feed-forward, 32 networks × 20 decisions. */
export const DEFAULT_PPO_SETTINGS: PpoSettings = {
	algorithm: 'ippo',
	learningRate: 3e-3,
	finalLearningRate: 3e-4,
	entropyCoefficient: 0.003,
	finalEntropyCoefficient: 0,
	clip: 0.2,
	discount: 1,
	lambda: 0.95,
	epochs: 4,
	miniBatches: 4,
	valueCoefficient: 0.5,
	maximumGradientNorm: 0.5,
	normalizeAdvantages: true,
	leaveOneOut: false,
	advantagePhases: 1,
	targetKl: 0.04,
	normalizerIterations: 20,
};

const KEYS = keysOf<PpoSettings>({
	algorithm: true,
	learningRate: true,
	finalLearningRate: true,
	entropyCoefficient: true,
	finalEntropyCoefficient: true,
	clip: true,
	discount: true,
	lambda: true,
	epochs: true,
	miniBatches: true,
	valueCoefficient: true,
	valueClip: true,
	maximumGradientNorm: true,
	normalizeAdvantages: true,
	leaveOneOut: true,
	advantagePhases: true,
	targetKl: true,
	normalizerIterations: true,
});

/** Fills in the defaults and checks every value. @throws GannoError `INVALID_ARGUMENT` */
export function resolvePpoSettings(changes: Partial<PpoSettings> = {}): PpoSettings {
	checkKeys(changes, 'ppo', KEYS);
	const settings: PpoSettings = { ...DEFAULT_PPO_SETTINGS, ...changes };
	checkOneOf(settings.algorithm, 'ppo.algorithm', LEARNING_ALGORITHMS);
	checkNumber(settings.learningRate, 'ppo.learningRate', 0, 1);
	checkNumber(settings.finalLearningRate, 'ppo.finalLearningRate', 0, 1);
	checkNumber(settings.entropyCoefficient, 'ppo.entropyCoefficient', 0);
	checkNumber(settings.finalEntropyCoefficient, 'ppo.finalEntropyCoefficient', 0);
	checkNumber(settings.clip, 'ppo.clip', 1e-6, 1);
	checkNumber(settings.discount, 'ppo.discount', 0, 1);
	checkNumber(settings.lambda, 'ppo.lambda', 0, 1);
	checkInteger(settings.epochs, 'ppo.epochs', 1, 1000);
	checkInteger(settings.miniBatches, 'ppo.miniBatches', 1, 10_000);
	checkNumber(settings.valueCoefficient, 'ppo.valueCoefficient', 0);
	if (settings.valueClip !== undefined) checkNumber(settings.valueClip, 'ppo.valueClip', 1e-6);
	checkNumber(settings.maximumGradientNorm, 'ppo.maximumGradientNorm', 1e-9);
	for (const key of ['normalizeAdvantages', 'leaveOneOut'] as const) checkBoolean(settings[key], `ppo.${key}`);
	checkInteger(settings.advantagePhases, 'ppo.advantagePhases', 1, 1000);
	if (settings.targetKl !== undefined) checkNumber(settings.targetKl, 'ppo.targetKl', 0);
	checkInteger(settings.normalizerIterations, 'ppo.normalizerIterations', 0);
	return settings;
}

/** Linear from `first` at iteration 0 to `last` at the end, and `last` beyond it. */
export function linearSchedule(first: number, last: number, iteration: number, iterations: number): number {
	return first + (last - first) * Math.min(iteration / Math.max(iterations, 1), 1);
}
