/** What a child network is made of. Plain data: it crosses threads, goes into policy files and configs. */

export type Activation = 'linear' | 'relu' | 'tanh';
export type Initializer = 'he-uniform' | 'he-normal' | 'xavier-uniform' | 'xavier-normal';
export type Padding = 'same' | 'valid';

export interface DenseLayerSpec {
	readonly type: 'dense';
	readonly units: number;
	readonly activation?: Activation; // default 'linear'
	readonly initializer?: Initializer; // default 'he-uniform' before ReLU, else 'xavier-uniform'; biases start at 0
	readonly name?: string;
}

export interface ConvLayerSpec {
	readonly type: 'conv';
	readonly filters: number;
	readonly kernelSize: 1 | 3 | 5;
	readonly stride?: 1 | 2; // default 1
	readonly padding?: Padding; // default 'same'
	readonly activation?: Activation;
	readonly initializer?: Initializer;
	readonly name?: string;
}

export interface PoolLayerSpec {
	readonly type: 'max-pool' | 'average-pool';
	readonly size: 2 | 3 | 4 | 5;
	readonly stride?: 1 | 2 | 3; // default: min(size, 3); may overlap
	readonly padding?: Padding; // default 'valid'
}

export interface GlobalAveragePoolLayerSpec {
	readonly type: 'global-average-pool';
}

export interface DropoutLayerSpec {
	readonly type: 'dropout';
	readonly rate: number; // in [0, 1)
}

export type LayerSpec = DenseLayerSpec | ConvLayerSpec | PoolLayerSpec | GlobalAveragePoolLayerSpec | DropoutLayerSpec;

/**
 * A network: the input's shape, then layers in order; an image is flattened (height, width, channel) before the first dense
 * layer. The last layer is a dense one whose units are the classes; softmax cross-entropy follows it.
 */
export interface NetworkSpec {
	readonly input: readonly [height: number, width: number, channels: number];
	readonly layers: readonly LayerSpec[];
}

/** One agent's layer: a layer with weights, its bias included. */
export interface TrainableLayer {
	readonly name: string;
	readonly type: 'dense' | 'conv';
	/** Elements of weights and bias together. */
	readonly size: number;
	/** tfjs layouts: `[in, out]` or `[kernel height, kernel width, in, out]`. */
	readonly weightShape: readonly number[];
	readonly biasShape: readonly [number];
}
