// How scripts/gpu-check builds: with plain cmake and tsc, from what is in the checkout; nothing is downloaded, and neither npm nor git is needed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a program can be started. */
export function installed(program) {
	return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

const SOURCES = [
	'native',
	'src',
	'test',
	'bench',
	'scripts',
	'CMakeLists.txt',
	'package.json',
	'package-lock.json',
	'vitest.config.ts',
];

/** Of all that is built, run and measured, committed or not: what a run has done counts for these sources alone. */
export function sourceHash(root) {
	const hash = createHash('sha256');
	const add = (path) => {
		if (!existsSync(join(root, path)) || path === join('bench', 'results') || path.endsWith('__pycache__')) return;
		if (statSync(join(root, path)).isDirectory()) {
			for (const name of readdirSync(join(root, path)).sort()) add(join(path, name));
		} else
			hash
				.update(`${path}\n`)
				.update(readFileSync(join(root, path)))
				.update('\n');
	};
	for (const path of SOURCES) add(path);
	return hash.digest('hex').slice(0, 16);
}

/** nvcc is looked for where its installers put it, when it is not on the PATH. @returns why the build cannot be made, or undefined */
export function missingForBuild(root) {
	if (!installed('nvcc')) {
		const places = [process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda'].filter(
			(place) => place !== undefined,
		);
		const found = places.map((place) => join(place, 'bin')).find((place) => existsSync(join(place, 'nvcc')));
		if (found !== undefined) process.env.PATH = `${process.env.PATH}${delimiter}${found}`;
	}
	if (!installed('nvcc')) return 'nvcc was not found. Install the CUDA toolkit and put nvcc on the PATH.';
	if (!installed('cmake')) return 'cmake was not found. Install it (Debian: cmake ninja-build).';
	for (const name of ['node-addon-api', 'node-api-headers']) {
		if (!existsSync(join(root, 'node_modules', name))) return `node_modules/${name} is missing. Run npm ci first.`;
	}
	return undefined;
}

/** The compute capability of the first card, as CMake wants it; undefined: nobody says, and CMakeLists.txt decides. */
function architecture() {
	const { status, stdout } = spawnSync('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'], {
		encoding: 'utf8',
	});
	const found = status === 0 ? /^\s*(\d+)\.(\d+)\s*$/m.exec(stdout) : null;
	return found === null ? undefined : `${found[1]}${found[2]}`;
}

/**
 * The two commands that build the addon, and that of the benchmarks, into build/Release.
 * @returns {[program: string, words: string[]][]}
 */
export function nativeCommands(root) {
	const folder = join(root, 'build', 'gpu-check', 'native');
	const cache = join(folder, 'CMakeCache.txt');
	// A checkout that was moved or copied along with its build folder: CMake refuses it.
	if (existsSync(cache) && !readFileSync(cache, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`)) {
		rmSync(folder, { recursive: true });
	}
	const target = architecture();
	const configure = ['-S', root, '-B', folder, '-DCMAKE_BUILD_TYPE=Release', '-DGANNO_CUDA=ON', '-DGANNO_EMULATION=ON'];
	configure.push(
		`-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(root, 'build', 'Release')}`,
		`-DNODE_EXECUTABLE=${process.execPath}`,
	);
	if (target !== undefined) configure.push(`-DCMAKE_CUDA_ARCHITECTURES=${target}`);
	if (installed('ninja') && !existsSync(cache)) configure.push('-G', 'Ninja');
	return [
		['cmake', configure],
		['cmake', ['--build', folder, '--parallel', '--target', 'ganno', 'ganno_bench']],
	];
}

/** The compiler over the package and over the benchmarks, and what each must leave. */
export function typescriptCommands(root) {
	const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
	return [
		{ command: [process.execPath, [compiler, '-p', 'tsconfig.build.json']], leaves: join(root, 'dist', 'index.js') },
		{
			command: [process.execPath, [compiler, '-p', 'tsconfig.bench.json']],
			leaves: join(root, 'build', 'bench', 'population-device.js'),
		},
	];
}

/** Without tfjs, which is large and of no use on a GPU, its files have type errors; the compiler writes all files all the same. */
export function excused(root, file, started) {
	return (
		!existsSync(join(root, 'node_modules', '@tensorflow', 'tfjs')) &&
		existsSync(file) &&
		statSync(file).mtimeMs >= started - 1000
	);
}
