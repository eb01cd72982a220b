// Steps of LayerwiseOptimizer on cuda:0 for scripts/gpu-check: small ones of every rule, compared with the CPU bit for bit, for
// compute-sanitizer to watch; with --time, large ones with arrays that stay on the device, as one JSON object on stdout.
import { cpus } from 'node:os';
import { LayerwiseOptimizer, STATISTICS } from '../dist/index.js';

const ALGORITHMS = ['sgd', 'momentum', 'nesterov', 'rmsprop', 'adam', 'adamw', 'lion', 'lars', 'lamb'];

/** Layers of these sizes with the same values every time. */
function layers(sizes) {
	const values = (size, salt) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + salt) * 0.1);
	return sizes.map((size, i) => ({ name: `${i}`, parameters: values(size, i), gradients: values(size, i + 0.5) }));
}

function compare() {
	for (const algorithm of ALGORITHMS) {
		for (const nonFinite of ['skip-element', 'skip-layer', 'skip-network', 'propagate']) {
			const [cpu, cuda] = ['cpu', 'cuda:0'].map((device) => {
				const own = layers([1, 33, 1024, 5000, 0, 70_000]);
				own[3].gradients[17] = Number.NaN;
				const options = { algorithm, nonFinite, layers: own, device, clip: { layerNorm: 1, globalNorm: 2 } };
				const optimizer = new LayerwiseOptimizer(options);
				const statistics = new Float32Array(own.length * STATISTICS.length);
				for (let step = 0; step < 3; step++) optimizer.step(1e-3, statistics);
				optimizer.dispose();
				return Buffer.concat([
					...own.map(({ parameters }) => Buffer.from(parameters.buffer)),
					Buffer.from(statistics.buffer),
				]);
			});
			if (!cpu.equals(cuda)) throw new Error(`${algorithm}, ${nonFinite}: not the bits of the CPU`);
		}
	}
	process.stderr.write('every rule and policy leaves the bits of the CPU\n');
}

/** Milliseconds of a step, arrays on the device: the median of several batches that each end with a wait. */
function time(sizes, withStatistics) {
	const own = layers(sizes);
	const optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers: own, device: 'cuda:0', resident: true });
	const statistics = withStatistics ? new Float32Array(own.length * STATISTICS.length) : undefined;
	const steps = withStatistics ? 1 : 20;
	const wait = () => optimizer.probe(1e-3, new Float32Array(own.length * STATISTICS.length));
	const overhead = [];
	const samples = [];
	for (let batch = 0; batch < 30; batch++) {
		wait();
		const start = performance.now();
		wait();
		const between = performance.now();
		for (let step = 0; step < steps; step++) optimizer.step(1e-3, statistics);
		if (!withStatistics) wait();
		overhead.push(between - start);
		samples.push((performance.now() - between - (withStatistics ? 0 : between - start)) / steps);
	}
	optimizer.dispose();
	samples.sort((a, b) => a - b);
	return { median: samples[15], min: samples[0], max: samples[29], samples: samples.length };
}

compare();
if (process.argv.includes('--time')) {
	const cases = {
		'1 layer of 1e6': [1e6],
		'1 layer of 3e7': [3e7],
		'6,000 layers of 1e4': Array.from({ length: 6000 }, () => 1e4),
	};
	const rows = [];
	for (const [name, sizes] of Object.entries(cases)) {
		const bytes = 28 * sizes.reduce((sum, size) => sum + size, 0);
		for (const withStatistics of [false, true]) {
			const contender = withStatistics ? 'ganno, Adam with 14 statistics' : 'ganno, Adam';
			const milliseconds = time(sizes, withStatistics);
			rows.push({ case: name, contender, metric: 'step', unit: 'ms', ...milliseconds, bytes });
			process.stderr.write(`${name}, ${contender}: ${milliseconds.median.toFixed(3)} ms\n`);
		}
	}
	const machine = { cpu: cpus()[0]?.model, device: JSON.parse(process.env.DEVICE ?? 'null') };
	const versions = { node: process.version, commit: process.env.COMMIT, date: new Date().toISOString() };
	process.stdout.write(`${JSON.stringify({ machine, versions, tier: 'cuda', rows, targets: [] }, undefined, 2)}\n`);
}
