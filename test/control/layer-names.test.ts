import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionReport, LayerwiseControllerOptions } from '../../src/control/controller-options.js';
import type { LayerwiseControllerState } from '../../src/control/controller-state.js';
import { openLayerEventFile } from '../../src/control/layer-event-file.js';
import { LAYER_FIGURES, layerFigure, layerLogs } from '../../src/control/layer-report.js';
import { formatLayerTable } from '../../src/control/layer-table.js';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { GannoError } from '../../src/errors.js';
import { NetworkPopulation } from '../../src/networks/population.js';
import { LayerwiseOptimizer } from '../../src/optimizer/layerwise-optimizer.js';
import { SCHEDULES } from '../../src/schedules/registry.js';
import { policySpec, randomSnapshot } from '../support/policies.js';

/** Layers of any name, an object's own property names among them, and of any size, 0 among them, all the way through a controller. */

const snapshots = [
	randomSnapshot(policySpec({ network: 'recurrent', hiddenUnits: 8 }), 3),
	randomSnapshot(policySpec({ granularity: 'network', hiddenUnits: 8 }), 4),
];
const CONTROLLERS: [string, (options: LayerwiseControllerOptions) => LayerwiseController][] = [
	...SCHEDULES.map((name): (typeof CONTROLLERS)[number] => [
		name,
		(options) => LayerwiseController.fromSchedule(name, options),
	]),
	['a policy', (options) => LayerwiseController.fromPolicy(snapshots[0]!, options)],
	['a policy of one agent', (options) => LayerwiseController.fromPolicy(snapshots[1]!, options)],
];

interface Layer {
	readonly name: string;
	readonly size: number;
}

/** The descent of a quadratic, all layers alike. @returns what was decided, and the parameters at its end */
function descend(
	open: (typeof CONTROLLERS)[number][1],
	layers: readonly Layer[],
): { reports: DecisionReport[]; parameters: Float32Array[]; rates: number[]; state: LayerwiseControllerState } {
	const reports: DecisionReport[] = [];
	const arrays = layers.map(({ size }) => Float32Array.from({ length: size }, (_, i) => 1 + (i % 3)));
	const gradients = arrays.map((parameters) => parameters.slice());
	using optimizer = new LayerwiseOptimizer({
		algorithm: 'adam',
		layers: layers.map(({ name }, l) => ({ name, parameters: arrays[l]!, gradients: gradients[l]! })),
	});
	const controller = open({
		learningRate: 0.01,
		horizon: 20,
		rollback: true,
		onDecision: (report) => reports.push(structuredClone(report)),
	});
	const controlled = controller.attach(optimizer, { convolutions: layers.slice(0, 1).map(({ name }) => name) });
	while (controller.step < 18) {
		let loss = 0;
		for (const [l, parameters] of arrays.entries()) {
			gradients[l]!.set(parameters);
			for (const value of parameters) loss += value ** 2;
		}
		controlled.step(loss);
	}
	optimizer.restore(optimizer.state());
	return { reports, parameters: arrays, rates: [...controller.learningRates], state: controller.state() };
}

const names = fc.constantFrom(
	...'constructor __proto__ toString hasOwnProperty valueOf length 0 -1 a/b größe 层 null undefined'.split(' '),
	'',
	' ',
	'a\nb',
);

describe.each(CONTROLLERS)('under %s', (_, open) => {
	it('the names of layers are names only', () => {
		const plain = descend(
			open,
			[0, 1, 2].map((l) => ({ name: `layer${l}`, size: 3 })),
		);
		fc.assert(
			fc.property(fc.uniqueArray(names, { minLength: 3, maxLength: 3 }), (chosen) => {
				const layers = chosen.map((name) => ({ name, size: 3 }));
				const named = descend(open, layers);
				expect(named.parameters).toEqual(plain.parameters);
				expect(named.rates).toEqual(plain.rates);
				expect(named.reports.every(({ layerNames }) => layerNames.join() === chosen.join())).toBe(true);
				const restored = open({ learningRate: 0.01, horizon: 20, rollback: { save() {}, restore() {} } });
				restored.restore(JSON.parse(JSON.stringify(named.state)) as LayerwiseControllerState);
				restored.start(layers.map((layer, l) => ({ ...layer, type: l === 0 ? 'conv' : 'dense' })));
				expect([...restored.learningRates]).toEqual(named.rates);
			}),
			{ numRuns: 15 },
		);
	});

	it.each([[[4, 0, 3]], [[0, 4, 3]], [[4, 3, 0]], [[0, 0, 3]], [[0, 0]], [[0]]])(
		'layers of the sizes %j are trained, the empty ones too: all figures are finite',
		(sizes) => {
			const layers = sizes.map((size, l) => ({ name: `layer${l}`, size }));
			const { reports, rates, parameters, state } = descend(open, layers);
			expect(rates).toHaveLength(sizes.length);
			for (const rate of rates) expect(rate > 0 && Number.isFinite(rate)).toBe(true);
			for (const values of parameters) expect(values.every(Number.isFinite)).toBe(true);
			for (const { observations, statistics, learningRates } of reports) {
				for (const value of [...observations, ...statistics, ...learningRates])
					expect(Number.isFinite(value)).toBe(true);
				for (const [l, size] of sizes.entries()) {
					if (size === 0) expect(statistics.slice(16 * l, 16 * l + 14).every((value) => value === 0)).toBe(true);
				}
			}
			const restored = open({ learningRate: 0.01, horizon: 20, rollback: { save() {}, restore() {} } });
			restored.restore(JSON.parse(JSON.stringify(state)) as LayerwiseControllerState); // which refuses what is not finite
			restored.start(layers);
			expect([...restored.learningRates]).toEqual(rates);
		},
	);
});

it('one agent for all layers does not see an empty layer', () => {
	const [, open] = CONTROLLERS.at(-1)!;
	const named = (sizes: readonly number[]): Layer[] => sizes.map((size, l) => ({ name: `layer${l}`, size }));
	const [with_, without] = [descend(open, named([4, 0, 3])), descend(open, named([4, 3]))];
	expect(with_.reports.map(({ observations }) => observations)).toEqual(
		without.reports.map((report) => report.observations),
	);
	expect([with_.rates[0], with_.rates[2]]).toEqual(without.rates);
	expect(with_.parameters.filter(({ length }) => length > 0)).toEqual(without.parameters);
});

describe('reports of layers of any name', () => {
	it('hold the figures of each', () => {
		const folder = mkdtempSync(join(tmpdir(), 'ganno-names-'));
		fc.assert(
			fc.property(fc.uniqueArray(names, { minLength: 2, maxLength: 5 }), (layerNames) => {
				const report = {
					step: 1,
					layerNames,
					statistics: Float32Array.from({ length: 14 * layerNames.length }, (_, i) => i + 1),
					learningRates: Float32Array.from(layerNames, (_, l) => l + 0.5),
					loss: 1,
				};
				const logs = layerLogs(report, LAYER_FIGURES);
				expect(Object.keys(logs)).toHaveLength(15 * layerNames.length);
				for (const [l, name] of layerNames.entries()) {
					for (const figure of LAYER_FIGURES) {
						expect(Object.getOwnPropertyDescriptor(logs, `${figure}/${name}`)?.value).toBe(
							layerFigure(report, l, figure),
						);
					}
				}
				expect(formatLayerTable(report)).toHaveLength(layerNames.length + 2);
				using file = openLayerEventFile(folder);
				file.write(report);
				const content = readFileSync(file.path, 'utf8');
				for (const name of layerNames) expect(content).toContain(`learningRate/${name}`);
			}),
			{ numRuns: 50 },
		);
	});
});

it('a state of layers whose names only read alike when joined is refused', () => {
	const open = () => LayerwiseController.fromSchedule('constant', { learningRate: 0.1 });
	const [one, other] = [open(), open()];
	one.start(['a\nb', 'c'].map((name) => ({ name, size: 1 })));
	other.start(['a', 'b\nc'].map((name) => ({ name, size: 1 })));
	expect(() => other.restore(one.state())).toThrow(GannoError);
});

it('layers of a network may be named after properties of objects', () => {
	const layers = ['constructor', '__proto__', 'toString'].map((name) => ({ type: 'dense', units: 4, name }) as const);
	using population = new NetworkPopulation({
		spec: { input: [4, 4, 1], layers },
		networks: 1,
		batchSize: 4,
		optimizer: { algorithm: 'sgd' },
		dataset: syntheticDataset({ shape: [4, 4, 1], classes: 4, size: 40 }),
		seeds: Uint32Array.of(1),
	});
	expect(population.layers.map(({ name }) => name)).toEqual(layers.map(({ name }) => name));
});
