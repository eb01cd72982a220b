import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import { native } from '../../src/native.js';
import { LayerwiseOptimizer } from '../../src/optimizer/layerwise-optimizer.js';
import { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';
import { useBackend } from '../support/tfjs-models.js';
import { checkpoint, firstMoments, stepCounts } from '../support/tfjs-states.js';

/** Variables that take steps in changing company: each has a state of its own, as long as it lives. */

const FULL = process.env.GANNO_TEST_FULL !== undefined;
const RATE = 0.1;

beforeAll(() => useBackend('cpu'));
afterEach(() => {
	vi.restoreAllMocks();
	tf.disposeVariables();
});

/** A variable's state in float64. */
interface Reference {
	m: number[];
	v: number[];
	steps: number;
}

/** Adam and momentum, one variable at a time; written from the formulas. */
function stepReference(
	algorithm: 'adam' | 'momentum',
	state: Reference,
	values: number[],
	gradient: readonly number[],
): void {
	state.steps++;
	for (const [i, g] of gradient.entries()) {
		if (algorithm === 'momentum') {
			state.m[i] = 0.9 * state.m[i]! + g;
			values[i]! -= RATE * state.m[i]!;
		} else {
			state.m[i] = 0.9 * state.m[i]! + 0.1 * g;
			state.v[i] = 0.999 * state.v[i]! + 0.001 * g * g;
			const mean = state.m[i]! / (1 - 0.9 ** state.steps);
			values[i]! -= (RATE * mean) / (Math.sqrt(state.v[i]! / (1 - 0.999 ** state.steps)) + 1e-7);
		}
	}
}

const VARIABLES = [0, 1, 2, 3];

type Command =
	| { readonly kind: 'step'; readonly who: readonly number[]; readonly scale: number; readonly sign: number }
	| { readonly kind: 'save' | 'restore' | 'resume' }
	| { readonly kind: 'restart'; readonly keep: boolean }
	| { readonly kind: 'recreate'; readonly who: number };

const commands = fc.array(
	fc.oneof(
		{
			weight: 6,
			arbitrary: fc.record({
				kind: fc.constant('step' as const),
				who: fc.shuffledSubarray(VARIABLES, { minLength: 1 }),
				scale: fc.constantFrom(1e-3, 0.1, 1, 30),
				sign: fc.constantFrom(-1, 1),
			}),
		},
		{
			weight: 3,
			arbitrary: fc.record({ kind: fc.constantFrom('save' as const, 'restore' as const, 'resume' as const) }),
		},
		{ weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), keep: fc.boolean() }) },
		{ weight: 1, arbitrary: fc.record({ kind: fc.constant('recreate' as const), who: fc.constantFrom(...VARIABLES) }) },
	),
	{ minLength: 5, maxLength: 30 },
);

let worlds = 0;

/** A program: variables, their optimiser and its last checkpoint, and what each must be by the reference. */
class Program {
	readonly #algorithm: 'adam' | 'momentum';
	readonly #layerOf: (name: string) => string;
	readonly #world = `p${worlds++}`;
	readonly #variables: tf.Variable[];
	readonly #generation = VARIABLES.map(() => 0);
	readonly #garbage: tf.Variable[] = [];
	#optimizer: LayerwiseTfOptimizer;
	#saved: Awaited<ReturnType<typeof checkpoint>> = [];
	/** Of variables that have a state; `#waiting` names those that were loaded and not yet used. */
	#states = new Map<number, Reference>();
	#savedStates = new Map<number, Reference>();
	readonly #waiting = new Set<number>();
	readonly #values: number[][];

	constructor(algorithm: 'adam' | 'momentum', grouped: boolean) {
		this.#algorithm = algorithm;
		this.#layerOf = (name) => (grouped ? (/v[01]\//.test(name) ? 'one' : 'two') : name);
		this.#values = VARIABLES.map((i) => [i + 0.25, -1]);
		this.#variables = this.#values.map((values, i) => this.#make(i, values));
		this.#optimizer = this.#open();
	}

	async run(command: Command): Promise<void> {
		switch (command.kind) {
			case 'step':
				return this.#step(command.who, command.scale * command.sign);
			case 'save':
				tf.dispose(this.#saved.map(({ tensor }) => tensor));
				this.#saved = await checkpoint(this.#optimizer);
				this.#savedStates = structuredClone(this.#states);
				return;
			case 'restore':
				return await this.#load();
			case 'resume':
				this.#optimizer.dispose();
				this.#optimizer = this.#open();
				return await this.#load();
			case 'restart': // as after loading the model beside the old one, or in a new process
				await this.run({ kind: 'save' });
				for (const [i, old] of this.#variables.entries()) {
					if (command.keep) this.#garbage.push(old);
					else old.dispose();
					this.#generation[i]!++;
					this.#variables[i] = this.#make(i, this.#values[i]!);
				}
				return await this.run({ kind: 'resume' });
			case 'recreate':
				this.#variables[command.who]!.dispose();
				this.#variables[command.who] = this.#make(command.who, this.#values[command.who]!);
				// What was loaded is for whichever variable of the name takes the first step.
				if (!this.#waiting.has(command.who)) this.#states.delete(command.who);
		}
	}

	async check(): Promise<void> {
		for (const [i, variable] of this.#variables.entries()) {
			for (const [k, value] of variable.dataSync().entries()) {
				expect(value, `${variable.name}[${k}]`).toBeCloseTo(this.#values[i]![k]!, 3);
			}
		}
		const weights = await this.#optimizer.getWeights();
		const moments = firstMoments(weights);
		const steps = stepCounts(weights);
		const of = (name: string) => Number(/v(\d)\//.exec(name)?.[1]);
		expect(moments.size).toBe(this.#states.size);
		expect(new Set([...moments.keys()].map(of))).toEqual(new Set(this.#states.keys()));
		for (const [name, values] of moments) {
			const state = this.#states.get(of(name))!;
			expect(steps.get(name), name).toBe(state.steps);
			for (const [k, value] of values.entries()) {
				expect(Math.abs(value - state.m[k]!), `${name}[${k}]`).toBeLessThan(
					1e-4 * Math.max(1e-3, Math.abs(state.m[k]!)),
				);
			}
		}
	}

	dispose(): void {
		this.#optimizer.dispose();
		tf.dispose([...this.#variables, ...this.#garbage, ...this.#saved.map(({ tensor }) => tensor)]);
	}

	#open(): LayerwiseTfOptimizer {
		return new LayerwiseTfOptimizer({ algorithm: this.#algorithm, learningRate: RATE, layerOf: this.#layerOf });
	}

	#make(i: number, values: readonly number[]): tf.Variable {
		const suffix = this.#generation[i]! === 0 ? '' : `_${this.#generation[i]}`;
		return tf.tidy(() => tf.variable(tf.tensor1d([...values]), true, `${this.#world}v${i}/w${suffix}`));
	}

	#step(who: readonly number[], scale: number): void {
		const gradients = who.map((i) => [scale * (i + 1), -scale * (i + 2)]);
		tf.tidy(() =>
			this.#optimizer.applyGradients(
				who.map((i, at) => ({ name: this.#variables[i]!.name, tensor: tf.tensor1d(gradients[at]!) })),
			),
		);
		for (const [at, i] of who.entries()) {
			const state = this.#states.get(i) ?? { m: [0, 0], v: [0, 0], steps: 0 };
			stepReference(this.#algorithm, state, this.#values[i]!, gradients[at]!);
			this.#states.set(i, state);
			this.#waiting.delete(i);
		}
	}

	async #load(): Promise<void> {
		if (this.#saved.length > 0) {
			await this.#optimizer.setWeights(this.#saved);
			this.#states = structuredClone(this.#savedStates);
		} else if (this.#optimizer.iterations === 0) this.#states = new Map();
		this.#waiting.clear();
		for (const i of this.#states.keys()) if (this.#saved.length > 0) this.#waiting.add(i);
	}
}

describe('Every variable keeps its own state', () => {
	it.each([
		['adam', false],
		['adam', true],
		['momentum', false],
		['momentum', true],
	] as const)(
		'%s (in shared layers: %s): any subsets in any order, saved, loaded, renamed and made anew at any time',
		async (algorithm, grouped) => {
			vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
			await fc.assert(
				fc.asyncProperty(commands, async (list) => {
					const program = new Program(algorithm, grouped);
					try {
						for (const command of list) await program.run(command);
						await program.check();
					} finally {
						program.dispose();
					}
				}),
				{ numRuns: FULL ? 3000 : 120 },
			);
		},
	);
});

describe('Two sets of variables in turn', () => {
	const variable = (name: string, values: number[]) => tf.tidy(() => tf.variable(tf.tensor1d(values), true, name));
	const apply = (optimizer: LayerwiseTfOptimizer, ...variables: tf.Variable[]) =>
		tf.tidy(() => optimizer.applyGradients(variables.map(({ name, shape }) => ({ name, tensor: tf.ones(shape) }))));

	it('are made once and never moved', () => {
		const opened = vi.spyOn(LayerwiseOptimizer.prototype, 'state');
		const moved = vi.spyOn(LayerwiseOptimizer.prototype, 'restore');
		const disposed = vi.spyOn(LayerwiseOptimizer.prototype, 'dispose');
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam' });
		const sets = [[variable('g', [1, 2]), variable('g2', [3])], [variable('d', [4])], [variable('e', [5])]];
		for (let t = 0; t < 30; t++) apply(optimizer, ...sets[t % 3]!);
		for (const spy of [opened, moved, disposed]) expect(spy).not.toHaveBeenCalled();
		optimizer.dispose();
		expect(disposed).toHaveBeenCalledTimes(3);
	});

	it('share what they share, and a layer that only one of them has may have a learning rate of its own', () => {
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'momentum', learningRate: 1 });
		optimizer.setLayerLearningRates({ critic: 0.5 });
		const [trunk, actor, critic] = [variable('trunk', [0]), variable('actor', [0]), variable('critic', [0])];
		for (let t = 0; t < 2; t++) {
			apply(optimizer, trunk, actor);
			expect([...optimizer.learningRates]).toEqual([1, 1]);
			apply(optimizer, critic, trunk);
			expect([...optimizer.learningRates]).toEqual([0.5, 1]);
		}
		// Velocities of a gradient of 1: 1, 1.9, 2.71, 3.439.
		expect(trunk.dataSync()[0]).toBeCloseTo(-(1 + 1.9 + 2.71 + 3.439), 5);
		expect(actor.dataSync()[0]).toBeCloseTo(-(1 + 1.9), 5);
		expect(critic.dataSync()[0]).toBeCloseTo(-0.5 * (1 + 1.9), 5);
		expect(() => optimizer.setLayerLearningRates({ critic: 1, crtic: 1 })).toThrow(/critic, trunk .*"crtic"/);
		expect([...optimizer.learningRates]).toEqual([0.5, 1]);
		optimizer.dispose();
	});

	it('are as many as fit into twice the memory of the variables, where they overlap', () => {
		const handles: number[] = [];
		const before = native().liveHandles();
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam' });
		const variables = Array.from({ length: 12 }, (_, i) => variable(`depth${i}`, [i, i]));
		for (let t = 0; t < 100; t++) {
			apply(optimizer, ...variables.filter((_, i) => i === t % 12 || ((t * 2654435761) >>> i) % 3 !== 0));
			handles.push(native().liveHandles() - before);
		}
		expect(Math.max(...handles)).toBeLessThanOrEqual(12);
		optimizer.dispose();
		expect(native().liveHandles()).toBe(before);
	});
});

describe('A variable made anew under its old name', () => {
	it.each([[[1, 1]], [[1, 1, 1]]])('is a new variable: first step of Adam, whatever its shape: %j', (values) => {
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: RATE });
		const body = tf.variable(tf.tensor1d([1]), true, 'body');
		let head = tf.variable(tf.tensor1d([1, 1]), true, 'head');
		const step = (g: number) =>
			tf.tidy(() => optimizer.applyGradients({ [body.name]: tf.ones([1]), [head.name]: tf.fill([...head.shape], g) }));
		for (let t = 0; t < 10; t++) step(5);
		head.dispose();
		head = tf.variable(tf.tensor1d(values), true, 'head');
		step(-0.01);
		for (const value of head.dataSync()) expect(value).toBeCloseTo(1 + RATE, 4);
		expect(body.dataSync()[0]).toBeCloseTo(1 - 11 * RATE, 4); // the same gradient all along: the rate at every step
		optimizer.dispose();
	});

	it('and its like are noticed when tf.disposeVariables ended them', async () => {
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'momentum' });
		tf.variable(tf.tensor1d([1]), true, 'head');
		tf.tidy(() => optimizer.applyGradients({ head: tf.ones([1]) }));
		tf.disposeVariables();
		expect((await optimizer.getWeights()).map(({ name }) => name)).toEqual(['iter']);
	});

	it('cannot take the place of the old one under a controller, which says what to do', () => {
		const controller = LayerwiseController.fromSchedule('constant', { learningRate: RATE });
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', controller });
		const head = tf.variable(tf.tensor1d([1]), true, 'head');
		const step = () => tf.tidy(() => optimizer.applyGradients({ head: tf.ones([1]) }));
		step();
		head.dispose();
		tf.variable(tf.tensor1d([1]), true, 'head');
		const refusal = /of which head was disposed; .* Give every model .* an optimizer and a controller of its own/;
		for (let i = 0; i < 2; i++) expect(step).toThrow(refusal);
		optimizer.dispose();
	});
});
