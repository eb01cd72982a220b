import type { LayerwisePlan, LayerwisePlanOptions } from '../../binding.d.ts';
import { invalidArgument } from '../arguments.js';
import { LAYERWISE_ALGORITHMS } from './algorithms.js';
import { finiteOrZero, type LayerSamples, norm, writeStatistics } from './reference-statistics.js';
import { type ElementState, type LayerControls, RULES, type Rule } from './rules.js';
import { STATISTICS } from './statistics.js';

/**
 * Every algorithm and statistic in plain TypeScript and float64: what the native kernels are tested against, and
 * `device: 'reference'` for machines without the addon. Parameters and moments are stored as float32, the arithmetic between is
 * float64, so one step differs from a native one by float32 rounding only. The rules are in
 * rules.ts; see docs/numerics.md.
 */

const SMALLEST_NORMAL = 2 ** -126;

/** As a processor does that flushes denormals to zero, sign kept. */
const flushed = (value: number): number => (Math.abs(value) < SMALLEST_NORMAL ? 0 * value : value);

/** A control of every layer; elements are checked as the addon checks them, in the same words. */
function perLayer(control: number | Float32Array, name: string, high: number, layers: number): ArrayLike<number> {
	if (typeof control === 'number') return new Float64Array(layers).fill(control);
	for (const [layer, value] of control.entries()) {
		if (!(value >= 0 && value <= high)) {
			throw invalidArgument(`finite numbers from 0 to ${high}`, `${name}[${layer}]`, value);
		}
	}
	return control;
}

/** The plan of binding.d.ts, in TypeScript. Takes the same options and ignores `threads` and `tier`. */
export class ReferencePlan implements LayerwisePlan {
	readonly #options: LayerwisePlanOptions;
	readonly #rule: Rule;
	readonly #constants: Required<LayerwisePlanOptions['hyperparameters']>;
	readonly #moments: readonly (readonly Float32Array[])[]; // [array][moment]
	readonly #steps: Float64Array; // [arrays]
	/** What a float32 becomes when it is read or written. */
	readonly #held: (value: number) => number;

	constructor(options: LayerwisePlanOptions) {
		this.#options = options;
		this.#rule = RULES[LAYERWISE_ALGORITHMS[options.algorithm] as keyof typeof RULES];
		this.#constants = { trustCoefficient: 0.001, ...options.hyperparameters };
		this.#steps = new Float64Array(options.parameters.length);
		this.#held = options.flushDenormals === true ? (value) => flushed(Math.fround(value)) : Math.fround;
		this.#moments = options.parameters.map(({ length }) =>
			Array.from({ length: this.#rule.moments }, () => new Float32Array(length)),
		);
	}

	step(...args: Parameters<LayerwisePlan['step']>): void {
		this.#run(args, true);
	}

	async stepAsync(...args: Parameters<LayerwisePlan['step']>): Promise<void> {
		this.#run(args, true);
	}

	probe(...args: Parameters<LayerwisePlan['probe']>): void {
		this.#run(args, false);
	}

	readMoment(array: number, moment: number, out: Float32Array): void {
		out.set(this.#moments[array]?.[moment] as Float32Array);
	}

	writeMoment(array: number, moment: number, values: Float32Array): void {
		this.#moments[array]?.[moment]?.set(values);
	}

	readSteps(out: Float64Array): void {
		out.set(this.#steps);
	}

	writeSteps(values: Float64Array): void {
		this.#steps.set(values);
	}

	upload(): void {}

	download(): void {}

	dispose(): void {}

	/** [first, end) of the arrays of every layer. */
	*#layers(): Generator<readonly [layer: number, first: number, end: number]> {
		let first = 0;
		for (const [layer, count] of this.#options.arraysPerLayer.entries()) {
			yield [layer, first, first + count];
			first += count;
		}
	}

	#skippedLayers(inverseScale: number): boolean[] {
		const { nonFinite, gradients, arraysPerLayer } = this.#options;
		const skipped = Array.from(arraysPerLayer, () => false);
		if (nonFinite !== 1 && nonFinite !== 2) return skipped;
		for (const [layer, first, end] of this.#layers()) {
			for (const array of gradients.slice(first, end)) {
				for (const gradient of array) {
					if (!Number.isFinite(this.#scaled(gradient, inverseScale))) skipped[layer] = true;
				}
			}
		}
		return nonFinite === 2 && skipped.includes(true) ? skipped.fill(true) : skipped;
	}

	#run(
		[learningRates, weightDecays, momenta, statistics, inverseScale]: Parameters<LayerwisePlan['step']>,
		store: boolean,
	): void {
		const count = this.#options.arraysPerLayer.length;
		const rates = perLayer(learningRates, 'learningRates', 3.4e38, count);
		const decays = perLayer(weightDecays, 'weightDecays', 3.4e38, count);
		const momentums = perLayer(momenta, 'momenta', 1, count);
		const skipped = this.#skippedLayers(inverseScale);
		const clips = this.#clips(inverseScale, skipped);
		for (const [layer, first, end] of this.#layers()) {
			const samples: LayerSamples = {
				gradients: [],
				parameters: [],
				momentSquares: 0,
				updateSquares: 0,
				gradientMoment: 0,
				gradientParameter: 0,
				gradientUpdate: 0,
				nonFinite: 0,
			};
			const skip = skipped[layer] === true;
			const shared = {
				learningRate: rates[layer] as number,
				momentum: momentums[layer] as number,
				clip: clips[layer] as number,
				trust: 1,
			};
			/** Which step of its own this is for each array; of a skipped layer, its last one. */
			const steps = Array.from(this.#steps.subarray(first, end), (taken) => taken + (skip ? 0 : 1));
			const own = steps.map((step, i) => ({
				...shared,
				step,
				weightDecay: this.#options.decays?.[first + i] === 0 ? 0 : (decays[layer] as number),
			}));
			const trust = this.#options.adapt?.[layer] === 0 ? 1 : this.#trust(first, own, inverseScale);
			// Of the layer as a whole; arrays of another age are brought to it, one by one.
			const correction = this.#momentCorrection(Math.max(0, ...steps));
			for (const [i, controls] of own.entries()) {
				const ownCorrection = this.#momentCorrection(controls.step) / correction;
				this.#stepArray(first + i, { ...controls, trust }, inverseScale, skip, store && !skip, ownCorrection, samples);
				if (store) this.#steps[first + i] = controls.step;
			}
			if (statistics !== undefined) {
				const out = statistics.subarray(layer * STATISTICS.length, (layer + 1) * STATISTICS.length);
				writeStatistics(samples, this.#rule.firstMoment ? correction : undefined, out);
			}
		}
	}

	/** What a first moment of so many steps is multiplied by in the statistics. */
	#momentCorrection(step: number): number {
		if (step === 0 || !this.#rule.correctsBias) return 1;
		return 1 / (1 - this.#options.hyperparameters.beta1 ** step);
	}

	/** What each layer's gradient is multiplied by. */
	#clips(inverseScale: number, skipped: readonly boolean[]): number[] {
		const { layerNorm = 0, globalNorm = 0 } = this.#options.clip ?? {};
		const coefficient = (norm: number, maximum: number): number =>
			maximum === 0 ? 1 : Math.min(1, maximum / (norm + 1e-6));
		const coefficients = skipped.map(() => 1);
		if (layerNorm === 0 && globalNorm === 0) return coefficients;
		let squares = 0;
		for (const [layer, first, end] of this.#layers()) {
			if (skipped[layer]) continue;
			const gradients = this.#options.gradients.slice(first, end).flatMap((array) => Array.from(array));
			const layerSize = norm(gradients.map((gradient) => finiteOrZero(this.#scaled(gradient, inverseScale))));
			coefficients[layer] = coefficient(layerSize, layerNorm);
			squares += (layerSize * (coefficients[layer] as number)) ** 2;
		}
		const all = coefficient(Math.sqrt(squares), globalNorm);
		return coefficients.map((own) => own * all);
	}

	/** The trust ratio of LARS and LAMB; 1 for the other rules. */
	#trust(first: number, controls: readonly LayerControls[], inverseScale: number): number {
		const { trust } = this.#rule;
		if (trust === undefined) return 1;
		const parameters: number[] = [];
		const directions: number[] = [];
		for (const [array, own] of controls.entries()) {
			for (const [i, gradient] of (this.#options.gradients[first + array] as Float32Array).entries()) {
				const old = this.#element(first + array, i);
				const clipped = this.#scaled(gradient, inverseScale) * own.clip;
				parameters.push(finiteOrZero(old.parameter));
				directions.push(finiteOrZero(trust.direction(this.#constants, own, clipped, old)));
			}
		}
		const [parameterNorm, directionNorm] = [norm(parameters), norm(directions)];
		if (parameterNorm === 0 || directionNorm === 0) return 1;
		const weightDecay = controls[0]?.weightDecay ?? 0; // where the ratio counts it, the same for all arrays
		return trust.ratio(parameterNorm, directionNorm, this.#constants, weightDecay);
	}

	#scaled(gradient: number, inverseScale: number): number {
		return this.#held(this.#held(gradient) * inverseScale);
	}

	#element(array: number, i: number): ElementState {
		const [moments1, moments2] = this.#moments[array] as readonly [Float32Array?, Float32Array?];
		const parameter = this.#held(this.#options.parameters[array]?.[i] as number);
		return { parameter, moment1: this.#held(moments1?.[i] ?? 0), moment2: this.#held(moments2?.[i] ?? 0) };
	}

	#stepArray(
		array: number,
		controls: LayerControls,
		inverseScale: number,
		skip: boolean,
		store: boolean,
		momentCorrection: number,
		samples: LayerSamples,
	): void {
		const { nonFinite } = this.#options;
		const rule = this.#rule;
		const parameters = this.#options.parameters[array] as Float32Array;
		const gradients = this.#options.gradients[array] as Float32Array;
		const [moments1, moments2] = this.#moments[array] as readonly [Float32Array?, Float32Array?];
		for (let i = 0; i < parameters.length; i++) {
			const gradient = this.#scaled(gradients[i] as number, inverseScale);
			const old = this.#element(array, i);
			const clipped = gradient * controls.clip;
			const decayed = rule.decoupledDecay ? clipped : clipped + controls.weightDecay * old.parameter;
			const exact = skip ? old : rule.step(this.#constants, controls, decayed, old);
			let stepped: ElementState = {
				parameter: this.#held(exact.parameter),
				moment1: this.#held(exact.moment1),
				moment2: this.#held(exact.moment2),
			};
			const finite = [gradient, stepped.parameter, stepped.moment1, stepped.moment2].every(Number.isFinite);
			const kept = !finite && nonFinite !== 3; // 3: propagate
			if (!finite) samples.nonFinite++;
			if (kept) stepped = old;
			if (Number.isFinite(gradient)) samples.gradients.push(gradient);
			if (Number.isFinite(old.parameter)) samples.parameters.push(old.parameter);
			const knownGradient = finiteOrZero(gradient);
			const moment = finiteOrZero(stepped.moment1) * momentCorrection;
			const update = finiteOrZero(this.#held(stepped.parameter - old.parameter));
			samples.momentSquares += moment * moment;
			samples.updateSquares += update * update;
			samples.gradientMoment += knownGradient * moment;
			samples.gradientParameter += knownGradient * finiteOrZero(old.parameter);
			samples.gradientUpdate += knownGradient * update;
			if (store && !kept) {
				parameters[i] = stepped.parameter;
				if (moments1 !== undefined) moments1[i] = stepped.moment1;
				if (moments2 !== undefined) moments2[i] = stepped.moment2;
			}
		}
	}
}
