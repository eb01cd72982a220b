import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GannoError } from './errors.js';

/** Where the package's own files lie, and what a bundler that takes its code away from them must be told. */

const NAME = 'ganno';

/** This file; undefined where a bundler left no usable `import.meta.url` (esbuild's CommonJS has none). */
function ownPath(): string | undefined {
	try {
		return fileURLToPath(import.meta.url);
	} catch {
		return undefined;
	}
}

const own = ownPath();

/** The package's root: the folder of its package.json, from `src/` as from `dist/`. */
export const packageRoot: string = own === undefined ? process.cwd() : resolve(dirname(own), '..');

/** Loads CommonJS and addons, and finds the optional peers, as seen from the package. */
export const packageRequire: NodeJS.Require = createRequire(own ?? join(packageRoot, 'ganno.js'));

function manifest(): { readonly name: string; readonly version: string } | undefined {
	try {
		const parsed = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
			name: string;
			version: string;
		};
		return parsed.name === NAME ? parsed : undefined;
	} catch {
		return undefined;
	}
}

/** A sentence for errors about a file that is missing: '' where the package is whole, so that it is not the bundler's doing. */
export function bundlerAdvice(): string {
	if (manifest() !== undefined) return '';
	return (
		`The code of ganno is not in its own folder any more (it looks for its files in ${packageRoot}): a bundler took it away from its addon, ` +
		"its worker threads and its policies. Leave ganno out of the bundle by the bundler's option `external`, and @tensorflow/tfjs with it " +
		"(esbuild: --external:ganno; Rollup, Rolldown and Vite: external: [/^ganno/]; webpack: externals; Next.js: serverExternalPackages: ['ganno']), " +
		'and install it where the bundle runs'
	);
}

/** `message`, and where a bundler is to blame, what to tell it. */
export function withBundlerAdvice(message: string): string {
	const advice = bundlerAdvice();
	return advice === '' ? message : `${message.replace(/\.$/, '')}. ${advice}`;
}

/**
 * A dependency that few programs come to use, loaded when one does: at the start each would cost all of them (jStat a tenth of it).
 * @throws GannoError `MISSING_DEPENDENCY` in a bundle, which does not see it
 */
export function requireDependency(name: string): unknown {
	try {
		return packageRequire(name);
	} catch (error) {
		throw new GannoError(
			'MISSING_DEPENDENCY',
			withBundlerAdvice(`Could not load ${name}, a dependency of ganno. Install ganno again`),
			{ cause: error },
		);
	}
}

/** @throws GannoError `BAD_FILE` in a bundle */
export function packageVersion(): string {
	const found = manifest();
	if (found !== undefined) return found.version;
	throw new GannoError('BAD_FILE', withBundlerAdvice(`There is no package.json of ganno in ${packageRoot}`));
}
