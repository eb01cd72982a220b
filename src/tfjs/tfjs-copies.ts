import * as tf from '@tensorflow/tfjs';
import { packageRequire } from '../package-files.js';

/**
 * Several copies of tfjs in one process (another version in ganno's node_modules, one inside a bundle). They share their engine, so tensors,
 * variables and back ends of one are all the others'; what classes `loadLayersModel` knows, each keeps to itself.
 */

type Serializable = Parameters<typeof tf.serialization.registerClass>[0];

interface TfjsCopy {
	readonly version: string;
	readonly path: string;
	readonly registerClass: typeof tf.serialization.registerClass;
}

const CORE = /[\\/]@tensorflow[\\/]tfjs-core[\\/]/;

/** The copies that Node has loaded as packages; one inside a bundle is not among them. */
function loadedCopies(): TfjsCopy[] {
	return Object.entries(packageRequire.cache).flatMap(([path, module]) => {
		if (!CORE.test(path)) return [];
		const { version_core: version, serialization } = (module?.exports ?? {}) as Partial<typeof tf>;
		if (version === undefined || serialization === undefined) return [];
		return [{ version, path, registerClass: serialization.registerClass }];
	});
}

/**
 * Makes every copy of tfjs able to load models with this class in them: at once in those there are, and once more when the modules that are
 * being imported have run.
 */
export function registerInEveryCopy(type: Serializable): void {
	tf.serialization.registerClass(type);
	const register = () => {
		for (const { registerClass } of loadedCopies()) registerClass(type);
	};
	register();
	queueMicrotask(register);
}

/** `message`, and where there are several copies of tfjs, which may be the cause, what to do about them. */
export function withTfjsCopiesAdvice(message: string): string {
	const copies = loadedCopies().map(({ version, path }) => `${version} (${path})`);
	// The engine's settings are of the copy that was loaded first.
	if (copies.length < 2 && !(tf.env() instanceof tf.Environment))
		copies.push('one that is in no package (in a bundle?)');
	if (copies.length < 2) return message;
	return (
		`${message}. There are ${copies.length} copies of tfjs in this process: ${copies.join(', ')}. ` +
		"Have one: see 'npm ls @tensorflow/tfjs-core', then 'npm dedupe'; in a bundle, mark @tensorflow/tfjs external as well as ganno"
	);
}
