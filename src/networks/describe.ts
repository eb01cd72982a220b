import { inferShapes, type Shape } from './shapes.js';
import type { NetworkSpec, PlainLayerSpec } from './spec.js';

/**
 * `784-64-32-10`, or `28×28×1-conv16-pool-…` where there are convolutions; batch norms are left out, and a residual block is named by the
 * channels it ends in: `residual16`, three of them `3×residual16`.
 */
export function describeNetwork(spec: NetworkSpec): string {
	const [height, width, channels] = spec.input;
	const runs: { name: string; count: number }[] = [];
	const { outputs } = inferShapes(spec);
	for (const [i, layer] of spec.layers.entries()) {
		if (layer.type === 'batch-norm') continue;
		const name = layer.type === 'residual' ? `residual${(outputs[i] as Shape)[2]}` : describeLayer(layer);
		const last = runs.at(-1);
		if (layer.type === 'residual' && last?.name === name) last.count++;
		else runs.push({ name, count: 1 });
	}
	const layers = runs.map(({ name, count }) => (count === 1 ? name : `${count}×${name}`));
	const dense = spec.layers.every(({ type }) => type === 'dense' || type === 'batch-norm');
	return [dense ? String(height * width * channels) : `${height}×${width}×${channels}`, ...layers].join('-');
}

function describeLayer(layer: PlainLayerSpec): string {
	if (layer.type === 'dense') return String(layer.units);
	if (layer.type === 'conv') return `conv${layer.filters}`;
	return layer.type.endsWith('pool') ? 'pool' : layer.type;
}
