import type { LayerSpec, NetworkSpec } from 'ganno';

/** A child network that benchmarks train. */
export interface Case {
	readonly name: string;
	readonly spec: NetworkSpec;
}

const pool: LayerSpec = { type: 'max-pool', size: 2 };
const conv = (filters: number): LayerSpec => ({ type: 'conv', filters, kernelSize: 3, activation: 'relu' });
const hidden = (units: number): LayerSpec => ({ type: 'dense', units, activation: 'relu' });
const output: LayerSpec = { type: 'dense', units: 10 };

export const CASES: readonly Case[] = [
	{ name: 'mlp', spec: { input: [28, 28, 1], layers: [hidden(128), hidden(64), output] } },
	{ name: 'cnn-small', spec: { input: [28, 28, 1], layers: [conv(16), pool, conv(32), pool, hidden(64), output] } },
	{
		name: 'cnn-cifar',
		spec: { input: [32, 32, 3], layers: [conv(32), pool, conv(64), pool, conv(64), pool, hidden(128), output] },
	},
];

/** For trying: what the emulated device trains in no time. */
export const TINY_CASES: readonly Case[] = [
	{ name: 'tiny-mlp', spec: { input: [8, 8, 1], layers: [hidden(12), output] } },
	{ name: 'tiny-cnn', spec: { input: [8, 8, 1], layers: [conv(4), pool, conv(6), pool, hidden(8), output] } },
];

export function caseNamed(name: string): Case {
	const found = CASES.find((candidate) => candidate.name === name);
	if (found === undefined)
		throw new Error(`No case is called ${name}; there are ${CASES.map((c) => c.name).join(', ')}`);
	return found;
}

/**
 * Floating-point operations of one training step: two per multiply-add of every layer's forward pass, weight gradient and input
 * gradient, without the input gradient of the first layer, which nobody needs. (Bias, activation, pooling and the optimiser are not
 * counted: the share of peak that is derived from this is a lower bound.)
 */
export function operationsPerStep({ input, layers }: NetworkSpec, batchSize: number): number {
	let [height, width, channels] = input;
	let total = 0;
	let first = true;
	for (const layer of layers) {
		let multiplyAdds = 0;
		if (layer.type === 'conv') {
			multiplyAdds = height * width * layer.kernelSize ** 2 * channels * layer.filters; // the cases have stride 1, same
			channels = layer.filters;
		} else if (layer.type === 'max-pool') {
			height = Math.floor(height / layer.size);
			width = Math.floor(width / layer.size);
		} else if (layer.type === 'dense') {
			multiplyAdds = height * width * channels * layer.units;
			[height, width, channels] = [1, 1, layer.units];
		}
		if (multiplyAdds > 0) {
			total += 2 * batchSize * multiplyAdds * (first ? 2 : 3);
			first = false;
		}
	}
	return total;
}
