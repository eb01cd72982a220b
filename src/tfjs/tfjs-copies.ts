import * as tf from '@tensorflow/tfjs';
import { packageRequire } from '../package-files.js';

/**
 * Several copies of tfjs in one process (another version in ganno's node_modules, one inside a bundle). They share their engine, so tensors,
 * variables and back ends of one are all the others'; what classes `loadLayersModel` knows, where models are saved and who is called by
 * `fit`, each keeps to itself.
 */

/** The packages of tfjs that keep something to themselves. */
const PACKAGES = {
	core: /[\\/]@tensorflow[\\/]tfjs-core[\\/]/,
	layers: /[\\/]@tensorflow[\\/]tfjs-layers[\\/]/,
};

interface TfjsCopy {
	readonly version: string;
	readonly path: string;
	readonly face: Partial<typeof tf>;
}

/** The copies that Node has loaded as packages; one inside a bundle is not among them. */
function loadedCopies(name: keyof typeof PACKAGES): TfjsCopy[] {
	return Object.entries(packageRequire.cache).flatMap(([path, module]) => {
		if (!PACKAGES[name].test(path)) return [];
		const face = (module?.exports ?? {}) as Partial<typeof tf>;
		const version = name === 'core' ? face.version_core : face.version_layers;
		return version === undefined ? [] : [{ version, path, face }];
	});
}

/**
 * Tells every copy of tfjs something: at once those there are, and once more those there are when the modules that are being imported have
 * run.
 * @param tell called once for each copy, with what it exports of that package at least
 */
export function inEveryCopy(name: keyof typeof PACKAGES, tell: (copy: typeof tf) => void): void {
	const told = new Set<unknown>();
	const tellNew = (copies: readonly Partial<typeof tf>[]) => {
		for (const copy of copies) {
			const own = name === 'core' ? copy.serialization?.SerializationMap : copy.registerCallbackConstructor;
			if (own === undefined || told.has(own)) continue;
			told.add(own);
			tell(copy as typeof tf);
		}
	};
	tellNew([tf]);
	const rest = () => tellNew(loadedCopies(name).map(({ face }) => face));
	rest();
	queueMicrotask(rest);
}

/** `message`, and where there are several copies of tfjs, which may be the cause, what to do about them. */
export function withTfjsCopiesAdvice(message: string): string {
	const copies = loadedCopies('core').map(({ version, path }) => `${version} (${path})`);
	// The engine's settings are of the copy that was loaded first.
	if (copies.length < 2 && !(tf.env() instanceof tf.Environment))
		copies.push('one that is in no package (in a bundle?)');
	if (copies.length < 2) return message;
	return (
		`${message}. There are ${copies.length} copies of tfjs in this process: ${copies.join(', ')}. ` +
		"Have one: see 'npm ls @tensorflow/tfjs-core', then 'npm dedupe'; in a bundle, mark @tensorflow/tfjs external as well as ganno"
	);
}
