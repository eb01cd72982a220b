import type { SecondControlName } from '../environment/actions/joint-action.js';
import type { Granularity } from '../environment/observations/observer.js';
import type { ModelCard } from './model-card.js';

/** Everything about a policy except its weights; part of a policy file's metadata. */
export interface PolicySpec {
	readonly network: 'feed-forward' | 'recurrent';
	/** Observation version, e.g. `layer-v1`. */
	readonly observation: string;
	readonly observationSize: number;
	/** Action rule, e.g. `compounding`. */
	readonly action: string;
	/** Outputs of the actor per agent: a logit for each action; with `continuous` two, the mean and one that determines the deviation. */
	readonly actions: number;
	/** The largest factor of a decision, above 1; only with `network-v1`. */
	readonly multiplier?: number;
	/** Feed-forward: units of the two tanh layers (default 64). Recurrent: units of MLP, GRU and MLP (default 128). */
	readonly hiddenUnits: number;
	/** One agent per layer, or one per network (features averaged over its layers). */
	readonly granularity: Granularity;
	/** What is set beside the learning rate, with three times as many actions; absent: nothing. Only with `layer-v1`. */
	readonly secondControl?: SecondControlName;
}

/** One tensor of a policy or a checkpoint. */
export interface NamedTensor {
	readonly name: string;
	readonly shape: readonly number[];
	readonly data: Float32Array;
}

/** Actor weights and normaliser as workers read them: flat, over SharedArrayBuffers, written by the learner between iterations. */
export interface PolicySnapshot {
	readonly spec: PolicySpec;
	/** All actor tensors, in the order of `actorTensorShapes(spec)`. */
	readonly parameters: Float32Array;
	/** `[observationSize]` */
	readonly normalizerMean: Float32Array;
	/** `[observationSize]` */
	readonly normalizerStandardDeviation: Float32Array;
}

/** How a policy was trained: plain JSON with whatever the experiment recorded. */
export type TrainingRecord = Readonly<Record<string, unknown>>;

/** A policy that can be saved and deployed: a snapshot and where it came from. */
export interface Policy extends PolicySnapshot {
	readonly training: TrainingRecord;
	readonly card?: ModelCard;
}

/** A policy's actor, without tfjs: one function shared by workers and deployments. */
export interface PolicyInference {
	readonly spec: PolicySpec;
	/** Floats of recurrent state per row; 0 for feed-forward. */
	readonly stateSize: number;
	/**
	 * Row by row: normalise, clip, forward.
	 * @param observations `[rows × observationSize]`, raw
	 * @param state `[rows × stateSize]`, updated in place
	 * @param logits `[rows × actions]`, written
	 */
	forward(observations: Float32Array, rows: number, state: Float32Array, logits: Float32Array): void;
}
