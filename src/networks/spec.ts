/** What a child network is made of. Plain data: it crosses threads, goes into policy files and configs. */

export type Activation = 'linear' | 'relu' | 'tanh';
export type Initializer = 'he-uniform' | 'he-normal' | 'xavier-uniform' | 'xavier-normal';
export type Padding = 'same' | 'valid';

export interface DenseLayerSpec {
	readonly type: 'dense';
	readonly units: number;
	readonly activation?: Activation; // default 'linear'
	readonly initializer?: Initializer; // default 'he-uniform' before ReLU or batch norm, else 'xavier-uniform'; biases start at 0
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

/**
 * Batch normalisation (Ioffe & Szegedy 2015) of the dense or convolution layer right before it, whose activation stays linear: each
 * channel's mean and variance over the batch in training, running ones in evaluation. Its scale (from 1) and shift (from 0) belong to
 * that layer, which then has no bias: the shift takes its place.
 */
export interface BatchNormLayerSpec {
	readonly type: 'batch-norm';
	readonly momentum?: number; // of the running statistics, PyTorch's: share of the newest batch; in [0, 1], default 0.1
	readonly epsilon?: number; // added to the variance; in [1e-12, 1], default 1e-5
	readonly activation?: Activation; // after the normalisation; default 'linear'
}

/** What a residual block may hold; the first is a convolution. */
export type ResidualBodySpec = ConvLayerSpec | PoolLayerSpec | DropoutLayerSpec | BatchNormLayerSpec;

/** activation(layers(x) + shortcut(x)) over images (He et al. 2016). Not the first layer of a network. */
export interface ResidualLayerSpec {
	readonly type: 'residual';
	readonly layers: readonly ResidualBodySpec[];
	/**
	 * What joins the end: `identity` (default) is x itself, so `layers` must keep its shape. `projection` is a 1×1 convolution of x to the
	 * shape that `layers` end in, with its stride, followed by a batch norm where `layers` end in one; an agent's layer of its own, before
	 * those of `layers`.
	 */
	readonly shortcut?: 'identity' | 'projection';
	readonly activation?: Activation; // of the sum; default 'linear'
}

/** A layer that is one operation. */
export type PlainLayerSpec =
	| DenseLayerSpec
	| ConvLayerSpec
	| PoolLayerSpec
	| GlobalAveragePoolLayerSpec
	| DropoutLayerSpec
	| BatchNormLayerSpec;

export type LayerSpec = PlainLayerSpec | ResidualLayerSpec;

/**
 * A network: the input's shape, then layers in order; an image is flattened (height, width, channel) before the first dense
 * layer. The last layer is a dense one whose units are the classes; softmax cross-entropy follows it.
 */
export interface NetworkSpec {
	readonly input: readonly [height: number, width: number, channels: number];
	readonly layers: readonly LayerSpec[];
}

/** One agent's layer: a layer with weights; its bias, or the scale and shift of the batch norm after it, included. */
export interface TrainableLayer {
	readonly name: string;
	readonly type: 'dense' | 'conv';
	/** Elements of weights, scale and bias together. Arrays of them all lie in this order. */
	readonly size: number;
	/** tfjs layouts: `[in, out]` or `[kernel height, kernel width, in, out]`. */
	readonly weightShape: readonly number[];
	/** There when a batch norm follows. */
	readonly scaleShape?: readonly [number];
	/** The bias; with a batch norm, its shift. */
	readonly biasShape: readonly [number];
}
