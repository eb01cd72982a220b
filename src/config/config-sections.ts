import { z } from 'zod';
import { DEFAULT_MULTIPLIER } from '../environment/actions/scaling-action.js';
import { REWARDS } from '../environment/rewards/reward.js';
import { ALGORITHMS } from '../optimizer/algorithms.js';
import { BASE_SCHEDULES } from '../schedules/base-schedule.js';
import { boolean, choice, choiceOrNone, integer, list, number } from './config-fields.js';
import { networkFamilySchema } from './network-family-schema.js';

/** The sections of a config, key by key: default, range, unit and meaning. */

const baselineRate = z.number().gt(0).max(10);

export const environmentSection = z
	.strictObject({
		action: choice(['compounding', 'coarse', 'absolute', 'three-way', 'continuous'], {
			default: 'compounding',
			description:
				"How an action becomes a learning rate; the agent 'adaptive-lr' takes 'three-way' or 'continuous', the other one the rest.",
		}),
		multiplier: number({
			default: DEFAULT_MULTIPLIER,
			min: 1,
			above: true,
			max: 100,
			description: "Largest factor of a decision under 'three-way' and 'continuous', either way.",
		}),
		baseSchedule: choice(BASE_SCHEDULES, {
			default: 'constant',
			description: "Multiplies the policy's learning rates step by step, in training and evaluation.",
		}),
		reward: choice(REWARDS, {
			default: 'log-improvement',
			description: "What the agents are paid for; 'baseline' costs a second run of every network.",
		}),
		baselineLearningRate: z
			.union([z.literal('tuned'), baselineRate, z.partialRecord(z.enum(ALGORITHMS), baselineRate)])
			.default('tuned')
			.meta({
				expected: "'tuned', a number above 0 and at most 10, or one for each optimiser as in { adam: 0.003, sgd: 0.1 }",
				unit: '',
				description:
					"Initial learning rate of the cosine that the 'baseline' reward compares with; 'tuned': found before the run for each child optimiser, on evaluation.tuningLearningRates.",
			}),
		agents: choice(['layerwise', 'one'], {
			default: 'layerwise',
			description: 'One agent per layer, or one for all layers.',
		}),
		secondControl: choiceOrNone(['weight-decay'], {
			description: 'What agents set beside the learning rate, at one of three levels.',
		}),
	})
	.prefault({});

export const policySection = z
	.strictObject({
		network: choice(['feed-forward', 'recurrent'], {
			default: 'feed-forward',
			description: "The agents' network.",
		}),
		hiddenUnits: integer({
			default: 64,
			min: 1,
			max: 4096,
			description: 'Units of its hidden layers (recurrent: of the GRU too).',
		}),
	})
	.prefault({});

export const learnerSection = z
	.strictObject({
		algorithm: choice(['ippo', 'mappo'], {
			default: 'ippo',
			description: "Independent PPO, or with a critic that sees the mean over a network's layers.",
		}),
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
		valueCoefficient: number({ default: 0.5, min: 0, max: 100, description: 'Weight of the value loss.' }),
		valueClip: number({
			default: 0,
			min: 0,
			max: 1000,
			description: "Clip of the value's change within an iteration; 0: none.",
		}),
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
		sharedExplorationNoise: boolean({
			default: false,
			description: 'One exploration noise for all layers of a network instead of one each.',
		}),
		backend: choice(['wasm', 'cpu', 'tensorflow'], {
			default: 'wasm',
			description: "tfjs back end of the learner; only 'wasm' and 'cpu' promise the same bits on every run.",
		}),
	})
	.prefault({});

export const checkpointSection = z
	.strictObject({
		every: integer({ default: 10, min: 1, max: 1_000_000, unit: 'iterations', description: 'Between checkpoints.' }),
		keep: integer({ default: 3, min: 1, max: 1000, description: 'Checkpoints kept; older ones are deleted.' }),
	})
	.prefault({});

export const evaluationSection = z
	.strictObject({
		network: z
			.unknown()
			.pipe(networkFamilySchema)
			.default({ type: 'mlp', hidden: [64, 32] })
			.meta({
				expected: "a network, e.g. { type: 'mlp', hidden: [64, 32] }",
				unit: '',
				description: 'The child network of the evaluation table.',
			}),
		learningRates: list(z.number().gt(0).max(10), {
			default: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
			expected: 'a list of numbers above 0 and at most 10',
			description: 'Initial learning rates, one a column.',
		}),
		seed: integer({
			default: 231_118_598,
			min: 0,
			max: 0xffffffff,
			description: 'Held-out tasks follow from it, whatever the seed of the run.',
		}),
		seeds: integer({ default: 16, min: 1, max: 100_000, description: 'Held-out seeds of each cell.' }),
		tuningLearningRates: list(z.number().gt(0).max(10), {
			default: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1],
			expected: 'a list of numbers above 0 and at most 10',
			description: 'The grid that the tuned cosine is chosen from, by validation accuracy.',
		}),
		tuningSeeds: integer({
			default: 8,
			min: 1,
			max: 100_000,
			description: 'Seeds per point of that grid, apart from the held-out ones.',
		}),
	})
	.prefault({});
