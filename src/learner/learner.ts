import {
	checkFloat32Array,
	checkInteger,
	checkKeys,
	checkObject,
	checkOneOf,
	invalidArgument,
	keysOf,
} from '../arguments.js';
import { AGENT_SPACES, controllerKindOf } from '../environment/agent-spaces.js';
import { GannoError } from '../errors.js';
import { migrateLearnerRecord, VERSION } from '../files/migrations.js';
import { checkPolicySpec, splitTensors } from '../policy/actor.js';
import { createNormalizer, type NormalizerState } from '../policy/normalizer.js';
import type { NamedTensor, Policy, PolicySnapshot, PolicySpec, TrainingRecord } from '../policy/policy.js';
import { LEARNER_BACKENDS, type LearnerBackend } from '../tensorflow/learner-backend.js';
import { loadTensorFlow } from '../tensorflow/load-tensorflow.js';
import { createActorCritic } from './actor-critic.js';
import { createAdam } from './adam.js';
import { assembleBatch, criticObservationSize } from './batch.js';
import { ppoUpdate } from './ppo.js';
import { type PpoSettings, resolvePpoSettings } from './ppo-settings.js';
import type { Trajectory } from './trajectory.js';
import type { UpdateMetrics } from './update-metrics.js';

export interface LearnerOptions {
	readonly spec: PolicySpec;
	/** uint32: initial weights and the order of mini-batches. */
	readonly seed: number;
	/** Updates of the whole run, over which learning rate and entropy bonus are annealed. */
	readonly iterations: number;
	/** Defaults: `DEFAULT_PPO_SETTINGS`. */
	readonly ppo?: Partial<PpoSettings>;
	/** Default `wasm`. */
	readonly backend?: LearnerBackend;
}

const OPTION_NAMES = keysOf<LearnerOptions>({ spec: true, seed: true, iterations: true, ppo: true, backend: true });

/** The part of a learner's state that is not tensors. JSON keeps every bit of it. */
export interface LearnerStateRecord {
	readonly version: typeof VERSION;
	readonly spec: PolicySpec;
	readonly seed: number;
	readonly iteration: number;
	readonly backend: LearnerBackend;
	readonly ppo: PpoSettings;
	readonly adamPowers: readonly [number, number];
	readonly normalizer: NormalizerState;
}

/** The complete state of a learner: after `restore` the next update gives the same bits. */
export interface LearnerState {
	/** Actor, critic and Adam's moments. Copies. */
	readonly tensors: readonly NamedTensor[];
	readonly record: LearnerStateRecord;
}

export interface Learner {
	readonly spec: PolicySpec;
	readonly backend: LearnerBackend;
	readonly ppo: PpoSettings;
	/** Updates done. */
	readonly iteration: number;
	/** The actor as workers read it: always the same object, over SharedArrayBuffers, rewritten in place by `update` and `restore`. */
	snapshot(): PolicySnapshot;
	/**
	 * One PPO update, then (in the first `normalizerIterations`) the normaliser is updated with the same trajectories, in their order.
	 * Trajectories may differ in decisions, networks and agents.
	 * @throws GannoError `INVALID_ARGUMENT` for trajectories that do not fit, `DIVERGED` for a gradient that is not finite
	 */
	update(trajectories: readonly Trajectory[]): Promise<UpdateMetrics>;
	state(): LearnerState;
	/** @throws GannoError `INVALID_ARGUMENT` where the state is of another policy */
	restore(state: LearnerState): void;
	/** A copy of the current policy, to be saved or deployed. */
	policy(training?: TrainingRecord): Policy;
	dispose(): void;
}

function sharedFloats(length: number): Float32Array {
	return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}

/**
 * A learner: IPPO or MAPPO with one shared policy for all agents, feed-forward or recurrent.
 * @throws GannoError `MISSING_DEPENDENCY` where tfjs is not installed
 */
export async function createLearner(options: LearnerOptions): Promise<Learner> {
	checkKeys(options, 'options', OPTION_NAMES);
	const spec = checkPolicySpec(options.spec);
	const seed = checkInteger(options.seed, 'seed', 0, 0xffffffff);
	const iterations = checkInteger(options.iterations, 'iterations', 1);
	const ppo = resolvePpoSettings(options.ppo);
	const backend = checkOneOf(options.backend ?? 'wasm', 'backend', LEARNER_BACKENDS);
	const tf = await loadTensorFlow(backend);
	const name = controllerKindOf(spec.observation);
	const critic = {
		mean: ppo.algorithm === 'mappo',
		progress: name !== undefined && !AGENT_SPACES[name].observesProgress,
	};
	const networks = createActorCritic(tf, spec, criticObservationSize(spec.observationSize, critic));
	const parameters = new Float32Array(networks.size);
	networks.initialize(seed, parameters);
	const adam = createAdam(networks.size);
	const bounded = name === undefined ? [] : AGENT_SPACES[name].bounded;
	const normalizer = createNormalizer(spec.observationSize, bounded);
	const snapshot: PolicySnapshot = {
		spec,
		parameters: sharedFloats(networks.actorSize),
		normalizerMean: sharedFloats(spec.observationSize),
		normalizerStandardDeviation: sharedFloats(spec.observationSize),
	};
	let iteration = 0;
	let status: 'ready' | 'updating' | 'disposed' = 'ready';

	function publish(): void {
		snapshot.parameters.set(parameters.subarray(0, networks.actorSize));
		normalizer.write(snapshot.normalizerMean, snapshot.normalizerStandardDeviation);
	}
	publish();

	function checkReady(): void {
		if (status === 'disposed') {
			throw new GannoError('DISPOSED', 'This learner was disposed. Create another one with createLearner().');
		}
		if (status === 'updating') {
			throw new GannoError('INVALID_ARGUMENT', 'This learner is in the middle of an update. Await it first.');
		}
	}

	return {
		spec,
		backend,
		ppo,
		get iteration() {
			return iteration;
		},
		snapshot: () => snapshot,
		async update(trajectories) {
			checkReady();
			const batch = assembleBatch(trajectories, snapshot, critic);
			status = 'updating';
			try {
				if (tf.getBackend() !== backend) await tf.setBackend(backend);
				const metrics = await ppoUpdate(
					{
						networks,
						recurrent: spec.network === 'recurrent',
						parameters,
						adam,
						settings: ppo,
						seed,
						iteration,
						iterations,
					},
					batch,
				);
				// After the update: the ratios of PPO hold only for the normaliser that the actions were taken under.
				if (iteration < ppo.normalizerIterations) {
					for (const { observations, decisions, networks: count, agents, active } of trajectories) {
						normalizer.update(observations, decisions * count * agents, active, agents);
					}
				}
				iteration++;
				publish();
				return metrics;
			} finally {
				status = 'ready';
			}
		},
		state() {
			checkReady();
			const prefixed = (prefix: string, flat: Float32Array): NamedTensor[] =>
				splitTensors(networks.shapes, flat.slice()).map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
			return {
				tensors: [
					...prefixed('', parameters),
					...prefixed('adam/first/', adam.firstMoments),
					...prefixed('adam/second/', adam.secondMoments),
				],
				record: {
					version: VERSION,
					spec,
					seed,
					iteration,
					backend,
					ppo,
					adamPowers: adam.powers,
					normalizer: normalizer.state(),
				},
			};
		},
		restore({ tensors, record: saved }) {
			checkReady();
			checkObject(saved, 'state.record');
			const record = migrateLearnerRecord({ ...saved }) as unknown as LearnerStateRecord;
			const keys = Object.keys(spec) as (keyof PolicySpec)[];
			if (record.version !== VERSION || keys.some((key) => record.spec[key] !== spec[key])) {
				throw invalidArgument(
					`the state of a learner of ${JSON.stringify(spec)}`,
					'state',
					JSON.stringify(record.spec),
				);
			}
			if (record.seed !== seed) throw invalidArgument(`the state of a learner with seed ${seed}`, 'state', record.seed);
			const byName = new Map(tensors.map((tensor) => [tensor.name, tensor.data]));
			const targets: [string, Float32Array][] = [
				['', parameters],
				['adam/first/', adam.firstMoments],
				['adam/second/', adam.secondMoments],
			];
			const copies = targets.flatMap(([prefix, flat]) =>
				splitTensors(networks.shapes, flat).map(({ name, data }) => {
					const source = checkFloat32Array(byName.get(prefix + name), `state.tensors['${prefix}${name}']`, data.length);
					return { source, data };
				}),
			);
			// All were found and fit: nothing has changed until here.
			for (const { source, data } of copies) data.set(source);
			adam.powers = record.adamPowers;
			normalizer.restore(record.normalizer);
			iteration = record.iteration;
			publish();
		},
		policy(training = {}) {
			if (status === 'disposed') checkReady();
			return {
				spec,
				parameters: snapshot.parameters.slice(),
				normalizerMean: snapshot.normalizerMean.slice(),
				normalizerStandardDeviation: snapshot.normalizerStandardDeviation.slice(),
				training: { ...training, learnerBackend: backend, algorithm: ppo.algorithm, iterations: iteration },
			};
		},
		dispose() {
			// Tensors live only inside an update, so there is nothing else to free.
			status = 'disposed';
		},
	};
}
