import { checkKeys, checkOneOf, keysOf } from '../arguments.js';
import { inferShapes, type Shape } from '../networks/shapes.js';
import type { LayerSpec, NetworkSpec } from '../networks/spec.js';
import type { Architecture } from './architecture.js';
import { DROPOUTS, type Dropout } from './search-sections.js';

export interface ArchitectureNetworkOptions {
	readonly input: Shape;
	readonly classes: number;
	/** The i-th of n has rate i / 2n. Default 'every-second-layer'. */
	readonly dropout?: Dropout;
}

const OPTION_NAMES = keysOf<ArchitectureNetworkOptions>({
	input: true,
	classes: true,
	dropout: true,
});

/**
 * The network of an architecture: convolutions ("same" padding) and dense layers with ReLU and Xavier's initial weights, max pooling without
 * padding; the softmax is a dense layer with a unit per class.
 * @throws GannoError `INVALID_ARGUMENT` where a layer does not fit
 */
export function architectureNetwork(architecture: Architecture, options: ArchitectureNetworkOptions): NetworkSpec {
	checkKeys(options, 'options', OPTION_NAMES);
	checkOneOf(options.dropout ?? 'every-second-layer', 'dropout', DROPOUTS);
	const { input, classes, dropout = 'every-second-layer' } = options;
	const droppedAfter = dropoutPlaces(architecture, dropout);
	const layers: LayerSpec[] = [];
	for (const [i, layer] of architecture.entries()) {
		switch (layer.type) {
			case 'conv':
				layers.push({
					type: 'conv',
					filters: layer.filters,
					kernelSize: layer.kernelSize as 1 | 3 | 5,
					stride: layer.stride as 1 | 2,
					activation: 'relu',
					initializer: 'xavier-uniform',
				});
				break;
			case 'pool':
				layers.push({ type: 'max-pool', size: layer.size as 2 | 3 | 4 | 5, stride: layer.stride as 1 | 2 | 3 });
				break;
			case 'dense':
				layers.push({ type: 'dense', units: layer.units, activation: 'relu', initializer: 'xavier-uniform' });
				break;
			case 'global-average-pool':
				layers.push({ type: 'global-average-pool' });
				break;
			case 'softmax':
				layers.push({ type: 'dense', units: classes, initializer: 'xavier-uniform' });
				break;
		}
		const place = droppedAfter.indexOf(i);
		if (place >= 0) layers.push({ type: 'dropout', rate: (place + 1) / (2 * droppedAfter.length) });
	}
	const spec = { input, layers };
	inferShapes(spec);
	return spec;
}

/** The layers that dropout follows. Neither global average pooling nor the softmax is one. */
function dropoutPlaces(architecture: Architecture, dropout: Dropout): number[] {
	if (dropout === 'none') return [];
	return architecture.flatMap(({ type }, i) => {
		if (type === 'global-average-pool' || type === 'softmax') return [];
		const second = i % 2 === 1;
		return second || (dropout === 'every-second-and-dense' && type === 'dense') ? [i] : [];
	});
}
