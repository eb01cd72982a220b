import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Binding from '../../binding.d.ts';
import type * as BenchBinding from '../binding-bench.d.ts';

/** The machine a figure was taken on. */
export interface Machine {
	readonly cpu: string;
	readonly cores: number;
	readonly memoryGigabytes: number;
	readonly system: string;
}

export function describeMachine(): Machine {
	return {
		cpu: cpus()[0]?.model.trim() ?? 'unknown',
		cores: availableParallelism(),
		memoryGigabytes: Math.round(totalmem() / 2 ** 30),
		system: `${type()} ${release()}`,
	};
}

/** The repository's root, from `bench/` as from `build/bench/`: the nearest folder above whose package.json is ganno's. */
export const repositoryRoot: string = (() => {
	for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
		const file = join(folder, 'package.json');
		if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'ganno')
			return folder;
		if (folder === dirname(folder)) throw new Error('bench/ is not inside a clone of ganno');
	}
})();

const require = createRequire(import.meta.url);
const addonPath = (name: string): string => join(repositoryRoot, 'build', 'Release', name);

/** The addon itself, for what the package does not offer. */
export function loadAddon(): typeof Binding {
	return require(resolve(process.env.GANNO_BINDING || addonPath('ganno.node'))) as typeof Binding;
}

/** What only benchmarks call: the emulated addon has it too, and is taken where `GANNO_BINDING` names it. */
export function loadBenchAddon(): typeof BenchBinding {
	const addon: object = loadAddon();
	return ('StreamCeiling' in addon ? addon : require(addonPath('ganno-bench.node'))) as typeof BenchBinding;
}

/** The version of an installed npm package, or 'absent'. */
export function packageVersion(name: string): string {
	const file = join(repositoryRoot, name === 'ganno' ? '.' : join('node_modules', name), 'package.json');
	if (!existsSync(file)) return 'absent';
	return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export function baseVersions(): Record<string, string> {
	return { ganno: packageVersion('ganno'), node: process.versions.node };
}
