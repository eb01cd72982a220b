// Builds the native addon (or the target named) with cmake-js, in build/. `npm run build:native`, `build:native-tests` and `build:bench` call it.
//
// CMake keeps the path of the sources in its cache, and a build folder that was copied or moved along with a clone goes on building the
// sources of the old place without a word. Such a folder is built anew.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = realpathSync(join(dirname(fileURLToPath(import.meta.url)), '..'));
const cache = join(root, 'build', 'CMakeCache.txt');

/** The folder whose sources a build folder builds; undefined where it has not been configured. */
function configuredFor() {
	if (!existsSync(cache)) return undefined;
	const [, folder] = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8')) ?? [];
	return folder;
}

const source = configuredFor();
if (source !== undefined && !(existsSync(source) && realpathSync(source) === root)) {
	console.log(`build/ was configured for ${source}, and this is ${root}: building anew`);
	rmSync(join(root, 'build'), { recursive: true });
}

const [target] = process.argv.slice(2);
const cmakeJs = join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin', 'cmake-js');
const { status, error } = spawnSync(
	process.execPath,
	[cmakeJs, 'build', '--log-level', 'warn', ...(target === undefined ? [] : ['--target', target])],
	{ cwd: root, stdio: 'inherit' },
);
if (error !== undefined) throw error;
process.exit(status ?? 1);
