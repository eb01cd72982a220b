import * as tf from '@tensorflow/tfjs';
import { packageRequire } from '../package-files.js';

/**
 * Several copies of tfjs in one process (another version in ganno's node_modules, one inside a bundle). They share their engine, so tensors,
 * variables and back ends of one are those of all; each has its own registries of classes for `loadLayersModel`, of save handlers and of
 * callbacks of `fit`.
 */

/** The packages of tfjs with registries of their own. */
const PACKAGES = {
	core: /[\\/]@tensorflow[\\/]tfjs-core[\\/]/,
	layers: /[\\/]@tensorflow[\\/]tfjs-layers[\\/]/,
};

interface TfjsCopy {
	readonly version: string;
	readonly path: string;
	readonly exports: Partial<typeof tf>;
}

/** The copies that Node has loaded as packages; one inside a bundle is not among them. */
function loadedCopies(name: keyof typeof PACKAGES): TfjsCopy[] {
	return Object.entries(packageRequire.cache).flatMap(([path, module]) => {
		if (!PACKAGES[name].test(path)) return [];
		const face = (module?.exports ?? {}) as Partial<typeof tf>;
		const version = name === 'core' ? face.version_core : face.version_layers;
		return version === undefined ? [] : [{ version, path, exports: face }];
	});
}

/**
 * Visits every copy of tfjs once: now those that are loaded, and later those loaded by the modules being imported.
 * @param visit called once for each copy, with at least its exports of that package
 */
export function forEveryCopy(name: keyof typeof PACKAGES, visit: (copy: typeof tf) => void): void {
	const visited = new Set<unknown>();
	const visitNew = (copies: readonly Partial<typeof tf>[]) => {
		for (const copy of copies) {
			const own = name === 'core' ? copy.serialization?.SerializationMap : copy.registerCallbackConstructor;
			if (own === undefined || visited.has(own)) continue;
			visited.add(own);
			visit(copy as typeof tf);
		}
	};
	visitNew([tf]);
	const rest = () => visitNew(loadedCopies(name).map(({ exports: face }) => face));
	rest();
	queueMicrotask(rest);
}

/** `message`, with advice where several copies of tfjs may be the cause. */
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
