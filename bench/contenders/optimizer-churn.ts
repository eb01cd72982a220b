/**
 * Makes, steps and frees optimisers for some seconds, for bench:memory: optimizer-churn.js SECONDS. The arrays stay; what the optimisers
 * hold themselves comes and goes. Every eighth is left to the garbage collector.
 */

import { LayerwiseOptimizer, STATISTICS } from 'ganno';
import { LAYERWISE_ALGORITHMS } from '#ganno/optimizer/algorithms.js';

const seconds = Number(process.argv[2]);
const layers = [3, 700, 20_000, 64_000].map((size, layer) => ({
	name: `${layer}`,
	parameters: new Float32Array(size).fill(0.1),
	gradients: new Float32Array(size).fill(0.01),
}));
const statistics = new Float32Array(layers.length * STATISTICS.length);
const start = performance.now();
for (let made = 0; performance.now() - start < 1e3 * seconds; made++) {
	const algorithm = LAYERWISE_ALGORITHMS[made % LAYERWISE_ALGORITHMS.length] as (typeof LAYERWISE_ALGORITHMS)[number];
	const optimizer = new LayerwiseOptimizer({ algorithm, layers, threads: 1 + (made % 2) });
	optimizer.step(1e-6, statistics);
	await optimizer.stepAsync(1e-6, statistics); // and a turn of the event loop, which finalizers need
	if (made % 8 !== 0) optimizer.dispose();
}
if (!statistics.every(Number.isFinite)) throw new Error('A statistic is not finite');
