import { markAsUntransferable } from 'node:worker_threads';
import { counted } from '../counted.js';
import { GannoError } from '../errors.js';
import type { ResolvedLayer } from './layers.js';

/** A view of our own: what the caller's says of itself may be overridden, or change. */
function ownView(array: Float32Array): Float32Array {
	const read = (name: 'buffer' | 'byteOffset' | 'length'): unknown =>
		Reflect.get(Object.getPrototypeOf(Float32Array.prototype) as object, name, array);
	return new Float32Array(read('buffer') as ArrayBufferLike, read('byteOffset') as number, read('length') as number);
}

function isShared(buffer: ArrayBufferLike): boolean {
	try {
		Reflect.get(SharedArrayBuffer.prototype, 'byteLength', buffer); // throws for any other object
		return true;
	} catch {
		return false;
	}
}

const isResizable = ({ buffer }: Float32Array): boolean =>
	(buffer as { readonly resizable?: boolean }).resizable === true;

/**
 * The caller's arrays as they were registered, layer after layer, and whether they still are. An array over a plain ArrayBuffer loses
 * its memory when that is transferred; one over a resizable buffer may when it shrinks; shared memory stays.
 */
export class RegisteredArrays {
	/** Views of our own, for back ends. */
	readonly parameters: readonly Float32Array[];
	readonly gradients: readonly Float32Array[];
	/** Elements of each, as registered: the arrays themselves may be detached by now. */
	readonly sizes: readonly number[];
	readonly #layers: readonly ResolvedLayer[];
	/** One array of every plain buffer: all of its elements or none. A multiple of four. */
	readonly #witnesses: readonly Float32Array[];
	readonly #witnessed: number;
	readonly #resizable: readonly Float32Array[];
	#pinned = false;

	constructor(layers: readonly ResolvedLayer[]) {
		this.#layers = layers;
		this.parameters = layers.flatMap(({ parameters }) => parameters.map(ownView));
		this.gradients = layers.flatMap(({ gradients }) => gradients.map(ownView));
		this.sizes = this.parameters.map(({ length }) => length);
		const detachable = [...this.parameters, ...this.gradients].filter(
			({ buffer, length }) => !isShared(buffer) && length > 0,
		);
		this.#resizable = detachable.filter(isResizable);
		const fixed = detachable.filter((array) => !isResizable(array));
		const witnesses = [...new Map(fixed.map((array) => [array.buffer, array])).values()];
		while (witnesses.length % 4 !== 0) witnesses.push(new Float32Array(0));
		this.#witnesses = witnesses;
		this.#witnessed = this.#witnesses.reduce((sum, { length }) => sum + length, 0);
	}

	/**
	 * A back end keeps pointers: before each of its calls this must hold. Adding up lengths, which are whole or 0, four at a time, takes
	 * two thirds of the time of comparing them (measured; the loop is a third of what JavaScript does for a step of small layers).
	 * @throws GannoError `INVALID_ARGUMENT` naming the layer
	 */
	check(): void {
		const witnesses = this.#witnesses;
		let elements = 0;
		for (let i = 3; i < witnesses.length; i += 4) {
			elements += (witnesses[i - 3] as Float32Array).length + (witnesses[i - 2] as Float32Array).length;
			elements += (witnesses[i - 1] as Float32Array).length + (witnesses[i] as Float32Array).length;
		}
		if (elements !== this.#witnessed || this.#resizable.length > 0) this.#findChange();
	}

	/**
	 * Makes the arrays safe to be used while JavaScript runs. Node-API can keep an ArrayBuffer alive, but not its memory, which goes
	 * elsewhere when the buffer is transferred; so plain buffers are marked as untransferable, for good.
	 * @throws GannoError `INVALID_ARGUMENT` where a buffer can be resized
	 */
	pin(): void {
		if (this.#pinned) return;
		if (this.#resizable.length > 0) {
			const name = this.#layerOf((parameters, gradients) =>
				this.#resizable.some((array) => array === parameters || array === gradients),
			);
			throw new GannoError(
				'INVALID_ARGUMENT',
				`stepAsync cannot use the resizable ArrayBuffer of an array of layer '${name}': it could shrink meanwhile. Use step, or ` +
					'arrays over an ArrayBuffer of fixed length or a SharedArrayBuffer',
			);
		}
		for (const { buffer } of this.#witnesses) markAsUntransferable(buffer);
		this.#pinned = true;
	}

	#findChange(): void {
		let size = 0;
		const name = this.#layerOf((parameters, gradients, registered) => {
			size = registered;
			return parameters.length !== size || gradients.length !== size;
		});
		if (name === undefined) return;
		throw new GannoError(
			'INVALID_ARGUMENT',
			`A parameter or gradient array of layer '${name}' no longer has the ${counted(size, 'element')} it was registered with: its buffer was ` +
				'detached (transferred) or resized. Make a new optimizer over the new arrays and restore() its state',
		);
	}

	/** The name of the first layer with an array that `applies`. */
	#layerOf(applies: (parameters: Float32Array, gradients: Float32Array, size: number) => boolean): string | undefined {
		let array = 0;
		for (const layer of this.#layers) {
			for (const end = array + layer.parameters.length; array < end; array++) {
				const [parameters, gradients] = [this.parameters[array], this.gradients[array]];
				if (applies(parameters as Float32Array, gradients as Float32Array, this.sizes[array] as number))
					return layer.name;
			}
		}
		return undefined;
	}
}
