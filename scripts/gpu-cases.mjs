// Small cases on a CUDA device for compute-sanitizer to watch, which between them run every kernel. `optimizer`: every rule with every
// policy, clipping and layers of all kinds, bit for bit the CPU's. `population`: every layer type and rule, all a population can do, against
// the CPU. `tf32`: every layer type on the tensor cores, nearly as on the CPU. The device is GANNO_BENCH_DEVICE or cuda:0.
import {
	LAYERWISE_ALGORITHMS,
	LayerwiseOptimizer,
	NetworkPopulation,
	POPULATION_STATISTICS,
	STATISTICS,
} from '../dist/index.js';

const device = process.env.GANNO_BENCH_DEVICE ?? 'cuda:0';

/** Layers of these sizes with the same values every time. */
function layers(sizes) {
	const values = (size, salt) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + salt) * 0.1);
	return sizes.map((size, i) => ({ name: `${i}`, parameters: values(size, i), gradients: values(size, i + 0.5) }));
}

/** What a few steps leave behind. */
function stepped(where, options) {
	const own = layers([1, 33, 1024, 5000, 0, 70_000]);
	own[3].gradients[17] = Number.NaN;
	own[2].parameters[5] = 1e25; // summed exactly
	const optimizer = new LayerwiseOptimizer({ ...options, layers: own, device: where });
	const statistics = new Float32Array(own.length * STATISTICS.length);
	optimizer.probe(1e-3, statistics);
	optimizer.step(1e-3);
	optimizer.step(
		Float32Array.from(own, (_, i) => 1e-3 * (i + 1)),
		statistics,
		{ inverseScale: 0.5 },
	);
	const state = optimizer.state();
	optimizer.step(1e-3, statistics);
	optimizer.restore(state);
	optimizer.step(1e-3, statistics);
	optimizer.upload('all');
	optimizer.step(1e-3, statistics);
	optimizer.download();
	optimizer.dispose();
	return Buffer.concat([
		...own.map(({ parameters }) => Buffer.from(parameters.buffer)),
		Buffer.from(statistics.buffer),
	]);
}

function optimizerCases(tiny) {
	const policies = ['skip-element', 'skip-layer', 'skip-network', 'propagate'];
	const clips = [undefined, { layerNorm: 1 }, { globalNorm: 2 }, { layerNorm: 1, globalNorm: 2 }];
	let count = 0;
	for (const algorithm of LAYERWISE_ALGORITHMS.slice(0, tiny ? 1 : undefined)) {
		for (const [i, nonFinite] of policies.entries()) {
			const options = { algorithm, nonFinite, clip: clips[(i + count) % 4] };
			const expected = stepped('cpu', options);
			if (!expected.equals(stepped(device, options)))
				throw new Error(`${algorithm}, ${nonFinite}: not the bits of the CPU`);
			count++;
		}
		if (tiny) continue;
		for (const clip of clips) stepped(device, { algorithm, clip, resident: true });
	}
	process.stderr.write(`${count} rules and policies leave the bits of the CPU\n`);
}

const dense = (units, activation) => ({ type: 'dense', units, ...(activation === undefined ? {} : { activation }) });
const conv = (filters, kernelSize, more = {}) => ({ type: 'conv', filters, kernelSize, activation: 'relu', ...more });
const pool = (kind, size, more = {}) => ({ type: `${kind}-pool`, size, ...more });
const norm = (more = {}) => ({ type: 'batch-norm', ...more });
const residual = (layers, more = {}) => ({ type: 'residual', layers, ...more });

const NETWORKS = {
	dense: { input: [5, 3, 1], layers: [dense(17, 'relu'), { type: 'dropout', rate: 0.3 }, dense(33, 'tanh'), dense(4)] },
	'fused pooling': { input: [8, 8, 1], layers: [conv(16, 3), pool('max', 2), conv(19, 3), pool('max', 2), dense(4)] },
	strides: {
		input: [11, 9, 3],
		layers: [
			conv(5, 3, { stride: 2, padding: 'valid' }),
			conv(8, 5, { stride: 2, activation: 'tanh' }),
			conv(6, 1, { stride: 2 }),
			dense(4),
		],
	},
	'5x5, valid': { input: [9, 8, 1], layers: [conv(6, 5), conv(16, 5, { padding: 'valid' }), dense(4)] },
	pools: {
		input: [12, 11, 2],
		layers: [
			conv(6, 3),
			pool('max', 3, { stride: 2, padding: 'same' }),
			pool('average', 2, { stride: 1 }),
			conv(8, 1),
			{ type: 'global-average-pool' },
			dense(4),
		],
	},
	'large dense': { input: [16, 16, 1], layers: [dense(130, 'relu'), dense(4)] },
	'batch norm': {
		input: [7, 6, 2],
		layers: [
			conv(5, 3, { activation: 'linear' }),
			norm({ activation: 'relu' }),
			pool('max', 2),
			conv(19, 3, { stride: 2, activation: 'linear' }),
			norm(),
			dense(9),
			norm({ activation: 'tanh' }),
			dense(4),
		],
	},
	'residual blocks': {
		input: [8, 8, 3],
		layers: [
			pool('average', 2, { stride: 1 }),
			residual([conv(3, 3, { activation: 'linear' }), norm()], { activation: 'relu' }),
			residual([conv(6, 3, { stride: 2 }), { type: 'dropout', rate: 0.3 }], {
				shortcut: 'projection',
				activation: 'tanh',
			}),
			residual([conv(6, 3, { activation: 'tanh' }), pool('max', 3, { stride: 1, padding: 'same' })]),
			{ type: 'global-average-pool' },
			dense(4),
		],
	},
	'sums in parts': { input: [12, 12, 1], layers: [conv(4, 3), pool('max', 4), dense(4)] },
};

function dataset(shape) {
	const shared = (bytes) => new Uint8Array(new SharedArrayBuffer(bytes));
	const images = shared(96 * shape[0] * shape[1] * shape[2]).map((_, i) => (i * 2654435761) >>> 24);
	const copy = shared(images.length);
	copy.set(images);
	const labels = shared(96);
	labels.set(labels.map((_, i) => i % 4));
	const split = (from, to) => {
		const numbers = new Uint32Array(new SharedArrayBuffer(4 * (to - from)));
		numbers.set(Uint32Array.from({ length: to - from }, (_, i) => from + i));
		return numbers;
	};
	const splits = { train: split(0, 72), validation: split(72, 84), test: split(84, 96) };
	const fill = (value) => Array.from({ length: shape[2] }, () => value);
	return {
		name: 'waves',
		shape,
		classes: 4,
		images: copy,
		labels,
		splits,
		mean: fill(0.5),
		standardDeviation: fill(0.3),
	};
}

/** All that a population can do, on `where`; the training losses and the parameters at the end. */
function trained(where, spec, algorithm, more = {}) {
	const seeds = Uint32Array.of(1, 2, 3);
	const options = {
		spec,
		networks: 3,
		batchSize: more.batchSize ?? 6,
		dataset: dataset(spec.input),
		seeds,
		device: where,
		...more,
	};
	const population = new NetworkPopulation({ ...options, optimizer: { algorithm } });
	const cells = 3 * population.layers.length;
	const out = (steps) => ({
		statistics: new Float32Array(cells * POPULATION_STATISTICS.length),
		trainingLoss: new Float32Array(3 * steps),
		validation: new Float32Array(9),
	});
	population.probe(2, 0.003, out(2));
	population.save(0);
	population.train(3, 0.003, out(3));
	population.fork(0, 2);
	population.restore(0);
	const result = out(5);
	population.train(5, new Float32Array(cells).fill(0.003), result, {
		baseSchedule: Float32Array.of(1, 0.9, 0.8, 0.7, 0.6),
	});
	for (const split of ['train', 'validation', 'test']) population.evaluate(split, new Float32Array(6));
	population.lossAndGradient(1, Uint32Array.of(3, 0, 9), new Float32Array(population.parameterCount));
	const parameters = population.parameters(2);
	population.setParameters(1, parameters);
	const running = population.runningStatistics(2);
	population.setRunningStatistics(1, running);
	population.divergedFlags();
	population.dispose();
	return { losses: result.trainingLoss, parameters, running };
}

function compare(name, expected, found, tolerance) {
	for (const what of ['losses', 'parameters', 'running']) {
		for (const [i, value] of found[what].entries()) {
			const wanted = expected[what][i];
			if (!(Math.abs(value - wanted) <= tolerance * (1 + Math.abs(wanted)))) {
				throw new Error(`${name}: ${what}[${i}] is ${value}, on the CPU ${wanted}`);
			}
		}
	}
}

/** What these networks are trained with besides. */
const OPTIONS = {
	'large dense': { batchSize: 32 }, // from here on tf32 takes cuBLAS, where it is installed
	'sums in parts': { batchSize: 64 }, // 9,216 steps of a chain: more than 8,192 are summed in parts
};

/** @param tolerance of losses, parameters and running statistics, relative above 1 */
function populationCase(name, spec, algorithm, { tolerance = 1e-4, ...more } = {}) {
	const { precision: _, ...onCpu } = more;
	const expected = trained('cpu', spec, algorithm, onCpu);
	let found;
	try {
		found = trained(device, spec, algorithm, more);
	} catch (error) {
		if (error.code !== 'INVALID_ARGUMENT') throw error;
		process.stderr.write(`${name} was left out: ${error.message}\n`);
		return 0;
	}
	compare(name, expected, found, tolerance);
	return 1;
}

function populationCases(tiny) {
	let count = 0;
	for (const name of tiny ? ['dense', 'batch norm', 'residual blocks'] : Object.keys(NETWORKS)) {
		// Adam makes a whole step of a gradient that batch norm leaves nothing of but its rounding.
		const algorithm = JSON.stringify(NETWORKS[name]).includes('batch-norm') ? 'momentum' : 'adam';
		count += populationCase(name, NETWORKS[name], algorithm, tiny ? {} : OPTIONS[name]);
	}
	for (const algorithm of tiny ? [] : ['sgd', 'momentum', 'nesterov', 'rmsprop', 'adamw']) {
		count += populationCase(algorithm, NETWORKS.dense, algorithm);
	}
	process.stderr.write(`${count} populations do as on the CPU\n`);
}

function tf32Cases(tiny) {
	let count = 0;
	for (const name of tiny ? ['dense'] : Object.keys(NETWORKS)) {
		const more = { ...OPTIONS[name], precision: 'tf32', tolerance: 0.05 };
		count += populationCase(`${name}, tf32`, NETWORKS[name], 'sgd', more);
	}
	process.stderr.write(`${count} populations do nearly as on the CPU in tf32\n`);
}

const [what, size] = process.argv.slice(2);
if (what === 'optimizer') optimizerCases(size === '--tiny');
else if (what === 'population') populationCases(size === '--tiny');
else if (what === 'tf32') tf32Cases(size === '--tiny');
else {
	process.stderr.write('Usage: node scripts/gpu-cases.mjs optimizer|population|tf32 [--tiny]\n');
	process.exitCode = 2;
}
