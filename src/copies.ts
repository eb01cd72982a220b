import { invalidArgument } from './arguments.js';
import { GannoError } from './errors.js';
import { packageRoot, packageVersion } from './package-files.js';

/**
 * Several copies of ganno in one process (two versions in node_modules, the files copied somewhere): a class of one is not the class of the
 * other, so that `instanceof` does not know its objects. Classes that users hand from call to call carry a brand instead.
 */

interface Brand {
	/** The class's name, also where a minifier has given it another. */
	readonly type: string;
	readonly version: string;
	readonly root: string;
}

const BRAND = Symbol.for('ganno.class');

/** What has a prototype: classes, also those whose constructor is private. */
interface ClassOf<T> {
	readonly prototype: T;
}

/** Marks a class's objects, for {@link checkInstance} of any copy. */
export function brandClass(type: ClassOf<object>, name: string): void {
	const brand: Brand = {
		type: name,
		root: packageRoot,
		get version(): string {
			try {
				return packageVersion();
			} catch {
				return 'of unknown version'; // in a bundle
			}
		},
	};
	Object.defineProperty(type.prototype, BRAND, { value: brand });
}

function brandOf(value: unknown): Brand | undefined {
	return typeof value === 'object' && value !== null ? (value as { [BRAND]?: Brand })[BRAND] : undefined;
}

/** Whether {@link checkInstance} would let it pass. */
export function isInstance<T extends object>(value: unknown, type: ClassOf<T>): value is T {
	const own = brandOf(type.prototype) as Brand;
	const given = brandOf(value);
	return given === own || (given?.type === own.type && given.version === own.version);
}

/**
 * An object of a branded class. Those of another copy of ganno will do if it has the same version: their code is the same.
 * @throws GannoError `INVALID_ARGUMENT`, which names the copies where another version made the object
 */
export function checkInstance<T extends object>(value: unknown, type: ClassOf<T>, name: string): T {
	const own = brandOf(type.prototype) as Brand;
	const given = brandOf(value);
	if (isInstance(value, type)) return value;
	const sameName = typeof value === 'object' && value !== null && value.constructor?.name === own.type;
	if (given?.type !== own.type && !sameName) throw invalidArgument(`a ${own.type}`, name, value);
	const other = given === undefined ? 'another one' : `${given.version} (${given.root})`;
	throw new GannoError(
		'INVALID_ARGUMENT',
		`Expected a ${own.type} of this ganno for ${name} but received one of another copy. There are two in this process: ` +
			`${own.version} (${own.root}) and ${other}. Have one: see 'npm ls ganno', then 'npm dedupe', or install the same version everywhere`,
	);
}
