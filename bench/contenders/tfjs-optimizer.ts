/**
 * tfjs contender of bench:optimizer: tfjs-optimizer.js BACKEND LEARNING_RATE SIZES. tf.train.adam, and every statistic in tfjs
 * operations; of two arrangements of them, the one that is faster here is measured.
 */
import type { AdamOptimizer, Rank, Scalar, Tensor1D, Variable } from '@tensorflow/tfjs';
import { STATISTICS } from 'ganno';
import { type Evidence, FIRST_STEPS } from '../optimizer/evidence.js';
import { makeValues, samplePositions } from '../optimizer/values.js';
import { loadTfjs } from './load-tfjs.js';
import { serveSteps } from './protocol.js';

type Tfjs = typeof import('@tensorflow/tfjs');

/** What is summed of every layer, on the back end; the statistics follow from it in a few numbers. */
const SUMS = 11;
type Sums = [number, number, number, number, number, number, number, number, number, number, number];

/** `dot`: a product of a row and a column, no array in between. `multiply`: an array of products, summed. */
const ARRANGEMENTS = ['dot', 'multiply'] as const;

interface Layer {
	readonly size: number;
	readonly parameters: Variable<Rank.R1>;
	readonly gradients: Tensor1D;
}

class Stepper {
	readonly #tf: Tfjs;
	readonly #layers: readonly Layer[];
	readonly #optimizer: AdamOptimizer;
	readonly #arrangement: (typeof ARRANGEMENTS)[number];
	steps = 0;
	statistics: number[] = [];

	constructor(tf: Tfjs, layers: readonly Layer[], rate: number, arrangement: (typeof ARRANGEMENTS)[number]) {
		this.#tf = tf;
		this.#layers = layers;
		this.#optimizer = tf.train.adam(rate, 0.9, 0.999, 1e-8);
		this.#arrangement = arrangement;
		layers.forEach(({ parameters, size }, layer) => {
			tf.tidy(() => parameters.assign(tf.tensor1d(makeValues(layer, size).parameters)));
		});
		for (let i = 0; i < FIRST_STEPS; i++) this.step();
	}

	step(): void {
		const tf = this.#tf;
		this.steps++;
		const sums = tf.tidy(() => {
			const before = this.#layers.map(({ parameters }) => parameters.clone()); // shares memory: a step makes new tensors
			this.#optimizer.applyGradients(
				this.#layers.map(({ parameters, gradients }) => ({ name: parameters.name, tensor: gradients })),
			);
			const moments = (
				this.#optimizer as unknown as { accumulatedFirstMoment: readonly { readonly variable: Tensor1D }[] }
			).accumulatedFirstMoment;
			const scalars = this.#layers.flatMap((layer, i) =>
				this.#sums(layer, before[i] as Tensor1D, moments[i]?.variable as Tensor1D),
			);
			return tf.stack(scalars).dataSync();
		});
		this.statistics = this.#layers.flatMap(({ size, gradients }, i) =>
			this.#statisticsOf(sums.subarray(i * SUMS, (i + 1) * SUMS), size, gradients),
		);
	}

	#sums({ parameters, gradients: g }: Layer, before: Tensor1D, moment: Tensor1D): Scalar[] {
		const tf = this.#tf;
		const product = (a: Tensor1D, b: Tensor1D): Scalar =>
			(this.#arrangement === 'dot' ? tf.dot(a, b) : tf.sum(tf.mul(a, b))) as Scalar;
		const update = tf.sub<Tensor1D>(parameters, before);
		return [
			product(g, g),
			product(before, before),
			product(moment, moment),
			product(update, update),
			product(g, moment),
			product(g, before),
			product(g, update),
			tf.sum(g),
			tf.sum(before),
			tf.min(g),
			tf.max(g),
		];
	}

	#statisticsOf(sums: Iterable<number>, size: number, gradients: Tensor1D): number[] {
		const [gg, pp, mm, uu, gm, gp, gu, gradientSum, parameterSum, least, most] = [...sums] as Sums;
		const [g, p, m, u] = [gg, pp, mm, uu].map(Math.sqrt) as [number, number, number, number];
		const [gradientMean, parameterMean] = [gradientSum / size, parameterSum / size];
		const cosine = (sum: number, a: number, b: number): number => (a * b > 0 ? sum / (a * b) : 0);
		return [
			g,
			gradientMean,
			gg / size - gradientMean ** 2,
			Math.max(-least, most),
			p,
			parameterMean,
			pp / size - parameterMean ** 2,
			m / (1 - 0.9 ** this.steps),
			u,
			u / (p + 1e-12),
			cosine(gm, g, m),
			cosine(gp, g, p),
			cosine(gu, g, u),
			// A finite sum of squares has finite summands; only otherwise is it worth counting.
			Number.isFinite(gg) ? 0 : size - this.#countFinite(gradients),
		];
	}

	#countFinite(gradients: Tensor1D): number {
		const tf = this.#tf;
		return tf.tidy(() => tf.sum(tf.isFinite(gradients).toFloat()).dataSync()[0] as number);
	}

	dispose(): void {
		this.#optimizer.dispose();
	}
}

async function main(): Promise<void> {
	const backend = process.argv[2] === 'cpu' ? 'cpu' : 'wasm';
	const rate = Number(process.argv[3]);
	const sizes = JSON.parse(process.argv[4] as string) as number[];
	const tf = await loadTfjs(backend);
	if (tf === undefined) return;
	const layers = sizes.map((size, layer): Layer => {
		const values = makeValues(layer, size);
		return { size, parameters: tf.variable(tf.zeros<Rank.R1>([size])), gradients: tf.tensor1d(values.gradients) };
	});
	const times = ARRANGEMENTS.map((arrangement): number => {
		const stepper = new Stepper(tf, layers, rate, arrangement);
		let best = Number.POSITIVE_INFINITY;
		const start = performance.now();
		do {
			const before = performance.now();
			stepper.step();
			best = Math.min(best, performance.now() - before);
		} while (performance.now() - start < 400);
		stepper.dispose();
		return best;
	});
	const fastest = ARRANGEMENTS[(times[0] as number) <= (times[1] as number) ? 0 : 1];
	const stepper = new Stepper(tf, layers, rate, fastest);
	const evidence = (): Evidence => ({
		steps: stepper.steps,
		parameters: layers.flatMap(({ parameters, size }) => {
			const values = parameters.dataSync();
			return samplePositions(size).map((position) => values[position] as number);
		}),
		statistics: stepper.statistics,
		statisticNames: STATISTICS,
	});
	await serveSteps(
		{ version: tf.version.tfjs, note: `sums of products by ${fastest}; the faster of ${ARRANGEMENTS.length}` },
		() => stepper.step(),
		evidence,
	);
}

await main();
