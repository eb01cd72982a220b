import { checkInteger, checkKeys, checkNumber, checkOneOf, invalidArgument, keysOf } from '../arguments.js';
import { counted } from '../counted.js';
import type { Controller } from '../environment/controller.js';
import { scheduleController } from './schedule-controller.js';

/**
 * Hand-made schedules. t is the optimiser step, T the horizon; each factor multiplies the task's initial learning rates, step by step.
 * Where PyTorch has the scheduler, these are its closed forms with its defaults (test/schedules compares them with PyTorch's own values).
 */

/** Factor 1 throughout. */
export function constantSchedule(options: Readonly<Record<string, never>> = {}): Controller {
	checkKeys(options, 'options', []);
	return scheduleController('constant', () => 1, false);
}

export interface StepOptions {
	/** Parts of the horizon after which the factor drops (default [0.5, 0.75], as in He et al. 2016 for CIFAR-10). */
	readonly milestones?: readonly number[];
	/** What each drop multiplies by (default 0.1); a list has one factor a milestone. */
	readonly gamma?: number | readonly number[];
}

const STEP_KEYS = keysOf<StepOptions>({ milestones: true, gamma: true });

/** γ^(milestones passed): `torch.optim.lr_scheduler.MultiStepLR` with milestones round(part × T). */
export function stepSchedule(options: StepOptions = {}): Controller {
	checkKeys(options, 'options', STEP_KEYS);
	const { milestones = [0.5, 0.75], gamma = 0.1 } = options;
	if (!Array.isArray(milestones)) throw invalidArgument('an array of parts of the horizon', 'milestones', milestones);
	for (const [i, part] of milestones.entries()) checkNumber(part, `milestones[${i}]`, 0, 1);
	const drops = dropFactors(gamma, milestones.length);
	return scheduleController('step', (t, horizon) => {
		let factor = 1;
		for (const [i, part] of milestones.entries()) if (t >= Math.round(part * horizon)) factor *= drops[i] as number;
		return factor;
	});
}

function dropFactors(gamma: unknown, milestones: number): number[] {
	if (!Array.isArray(gamma)) {
		const factor = checkNumber(gamma, 'gamma', 0);
		return Array.from({ length: milestones }, () => factor);
	}
	if (gamma.length !== milestones)
		throw invalidArgument(`${counted(milestones, 'factor')}, one a milestone,`, 'gamma', gamma);
	return gamma.map((factor, i) => checkNumber(factor, `gamma[${i}]`, 0));
}

export interface ExponentialOptions {
	/** The factor after T steps (default 0.01); decides γ = finalFactor^(1/T). */
	readonly finalFactor?: number;
	/** γ per optimiser step, in place of `finalFactor`. */
	readonly gamma?: number;
}

const EXPONENTIAL_KEYS = keysOf<ExponentialOptions>({ finalFactor: true, gamma: true });

/** γ^t: `ExponentialLR`, stepped at every optimiser step. */
export function exponentialSchedule(options: ExponentialOptions = {}): Controller {
	checkKeys(options, 'options', EXPONENTIAL_KEYS);
	const { finalFactor = 0.01, gamma } = options;
	checkNumber(finalFactor, 'finalFactor', Number.MIN_VALUE);
	if (gamma !== undefined) checkNumber(gamma, 'gamma', Number.MIN_VALUE);
	return scheduleController(
		'exponential',
		(t, horizon) => (gamma === undefined ? finalFactor ** (t / horizon) : gamma ** t),
		gamma === undefined,
	);
}

export interface CosineOptions {
	/** The factor the cosine ends at (default 0; PyTorch: `eta_min` / initial learning rate). */
	readonly minimum?: number;
	/** Steps of linear warm-up from 1/warmupSteps before the cosine, which then spans the rest (default 0). */
	readonly warmupSteps?: number;
}

const COSINE_KEYS = keysOf<CosineOptions>({ minimum: true, warmupSteps: true });

/** m + (1 − m)(1 + cos(π t / T)) / 2: `CosineAnnealingLR` with T_max = T (Loshchilov & Hutter 2017, without restarts). */
export function cosineSchedule(options: CosineOptions = {}): Controller {
	checkKeys(options, 'options', COSINE_KEYS);
	const minimum = checkNumber(options.minimum ?? 0, 'minimum', 0, 1);
	const warmup = checkInteger(options.warmupSteps ?? 0, 'warmupSteps', 0);
	return scheduleController('cosine', (t, horizon) => {
		if (t < warmup) return (t + 1) / warmup;
		const progress = (t - warmup) / Math.max(horizon - warmup, 1);
		return minimum + (1 - minimum) * 0.5 * (1 + Math.cos(Math.PI * progress));
	});
}

export interface OneCycleOptions {
	/** Part of the horizon that rises (default 0.3; PyTorch: `pct_start`). */
	readonly riseFraction?: number;
	/** The cycle starts at 1 / this (default 25; PyTorch: `div_factor`). */
	readonly initialDivisor?: number;
	/** It ends at its start / this (default 1e4; PyTorch: `final_div_factor`). */
	readonly finalDivisor?: number;
	/** Default 'cosine', as in PyTorch. */
	readonly annealing?: 'cosine' | 'linear';
}

const ONE_CYCLE_KEYS = keysOf<OneCycleOptions>({
	riseFraction: true,
	initialDivisor: true,
	finalDivisor: true,
	annealing: true,
});

/**
 * `OneCycleLR` with max_lr = the initial learning rate and total_steps = T (Smith & Topin 2019, in fastai's two phases): up from 1/25
 * to 1, down to 4e-6. Momentum is not cycled (PyTorch cycles it by default).
 */
export function oneCycleSchedule(options: OneCycleOptions = {}): Controller {
	checkKeys(options, 'options', ONE_CYCLE_KEYS);
	const rise = checkNumber(options.riseFraction ?? 0.3, 'riseFraction', 0, 1);
	const start = 1 / checkNumber(options.initialDivisor ?? 25, 'initialDivisor', 1);
	const end = start / checkNumber(options.finalDivisor ?? 1e4, 'finalDivisor', 1);
	const annealing = checkOneOf(options.annealing ?? 'cosine', 'annealing', ['cosine', 'linear']);
	const anneal = (from: number, to: number, part: number) =>
		annealing === 'cosine' ? to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part)) : from + (to - from) * part;
	return scheduleController('one-cycle', (t, horizon) => {
		const peak = rise * horizon - 1; // PyTorch's float(pct_start × total_steps) − 1, the last step of the rise
		if (t <= peak) return anneal(start, 1, peak > 0 ? t / peak : 1);
		const fall = horizon - 1 - Math.max(peak, 0);
		return anneal(1, end, fall > 0 ? (t - Math.max(peak, 0)) / fall : 1);
	});
}

export interface WarmupStableDecayOptions {
	/** Part of the horizon that rises linearly (default 0.05). */
	readonly warmupFraction?: number;
	/** Part of the horizon that decays at the end (default 0.2, Hägele et al. 2024). */
	readonly decayFraction?: number;
	/** Default '1-sqrt', the best of Hägele et al. 2024; 'linear' and 'cosine' as elsewhere. */
	readonly decay?: '1-sqrt' | 'linear' | 'cosine';
	/** The factor the decay ends at (default 0). */
	readonly minimum?: number;
}

const WARMUP_STABLE_DECAY_KEYS = keysOf<WarmupStableDecayOptions>({
	warmupFraction: true,
	decayFraction: true,
	decay: true,
	minimum: true,
});

/** Warm-up (t + 1) / W, then 1, then a decay (Hu et al. 2024, MiniCPM). PyTorch has no such scheduler. */
export function warmupStableDecaySchedule(options: WarmupStableDecayOptions = {}): Controller {
	checkKeys(options, 'options', WARMUP_STABLE_DECAY_KEYS);
	const warmupFraction = checkNumber(options.warmupFraction ?? 0.05, 'warmupFraction', 0, 1);
	const decayFraction = checkNumber(options.decayFraction ?? 0.2, 'decayFraction', 0, 1 - warmupFraction);
	const decay = checkOneOf(options.decay ?? '1-sqrt', 'decay', ['1-sqrt', 'linear', 'cosine']);
	const minimum = checkNumber(options.minimum ?? 0, 'minimum', 0, 1);
	const shape = (part: number) => {
		if (decay === 'linear') return 1 - part;
		return decay === 'cosine' ? 0.5 * (1 + Math.cos(Math.PI * part)) : 1 - Math.sqrt(part);
	};
	return scheduleController('warmup-stable-decay', (t, horizon) => {
		const warmup = Math.round(warmupFraction * horizon);
		const decaySteps = Math.round(decayFraction * horizon);
		if (t < warmup) return (t + 1) / warmup;
		const stable = horizon - decaySteps;
		return t < stable ? 1 : minimum + (1 - minimum) * shape((t - stable) / decaySteps);
	});
}
