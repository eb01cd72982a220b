import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type * as Binding from '../binding.d.ts';
import { GannoError, isError } from './errors.js';
import { bundlerAdvice, packageRequire, packageRoot } from './package-files.js';

export { packageRoot, packageVersion } from './package-files.js';

/** Finds and loads the addon; nothing else in the package requires a `.node` file. */

export type NativeBinding = typeof Binding;

const REQUIRED_NODE_API = 8;

let loaded: NativeBinding | undefined;

function candidates(): string[] {
	const override = process.env.GANNO_BINDING;
	if (override !== undefined && override !== '') return [resolve(override)];
	return [
		join(packageRoot, 'build', 'Release', 'ganno.node'),
		join(packageRoot, 'prebuilds', `${process.platform}-${process.arch}.node`),
	];
}

/**
 * The addon. Loaded at the first call.
 * @throws GannoError `NATIVE_NOT_FOUND` listing every path tried and what each said.
 */
export function native(): NativeBinding {
	if (loaded !== undefined) return loaded;
	const offered = Number(process.versions.napi);
	if (!(offered >= REQUIRED_NODE_API)) {
		throw new GannoError(
			'NATIVE_NOT_FOUND',
			`ganno needs Node-API ${REQUIRED_NODE_API}, but Node ${process.version} offers ${process.versions.napi}. Use Node 20 or newer.`,
		);
	}
	const tried: string[] = [];
	for (const path of candidates()) {
		if (!existsSync(path)) {
			tried.push(`  ${path}: no such file`);
			continue;
		}
		try {
			loaded = packageRequire(path) as NativeBinding;
			return loaded;
		} catch (error) {
			tried.push(`  ${path}: ${isError(error) ? error.message : String(error)}`);
		}
	}
	const advice = bundlerAdvice();
	throw new GannoError(
		'NATIVE_NOT_FOUND',
		`The native addon of ganno could not be loaded for ${process.platform}-${process.arch}, Node ${process.version}.\n` +
			`Tried:\n${tried.join('\n')}\nPossible solutions:\n` +
			(advice === '' ? '' : `  - ${advice}.\n`) +
			'  - In a clone of the repository: run scripts/setup, or npm run build:native (needs cmake and a C++20 compiler).\n' +
			'  - Set GANNO_BINDING to the path of a ganno.node you built.',
	);
}
