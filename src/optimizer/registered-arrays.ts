import { GannoError } from '../errors.js';
import type { ResolvedLayer } from './options.js';

/** The caller's arrays as they were registered, layer after layer. */
export class RegisteredArrays {
	readonly parameters: readonly Float32Array[];
	readonly gradients: readonly Float32Array[];
	/** Elements of each, as registered: the arrays themselves may be detached by now. */
	readonly sizes: readonly number[];
	readonly #layers: readonly ResolvedLayer[];

	constructor(layers: readonly ResolvedLayer[]) {
		this.#layers = layers;
		this.parameters = layers.flatMap(({ parameters }) => parameters);
		this.gradients = layers.flatMap(({ gradients }) => gradients);
		this.sizes = this.parameters.map(({ length }) => length);
	}

	/**
	 * The addon keeps pointers; a detached or shrunk array shows in its length.
	 * @throws GannoError `INVALID_ARGUMENT` naming the layer
	 */
	check(): void {
		const parameters = this.parameters;
		const gradients = this.gradients;
		const sizes = this.sizes;
		for (let i = 0; i < sizes.length; i++) {
			if ((parameters[i] as Float32Array).length !== sizes[i] || (gradients[i] as Float32Array).length !== sizes[i]) {
				this.#reportChange(i);
			}
		}
	}

	#reportChange(array: number): never {
		let layer = 0;
		for (let first = 0; ; layer++) {
			first += (this.#layers[layer] as ResolvedLayer).parameters.length;
			if (array < first) break;
		}
		throw new GannoError(
			'INVALID_ARGUMENT',
			`A parameter or gradient array of layer '${this.#layers[layer]?.name}' no longer has the ${this.sizes[array]} elements it was ` +
				'registered with: its buffer was detached (transferred) or resized. Make a new optimizer over the new arrays and restore() its state',
		);
	}
}
