import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const DEBIAN = '/usr/bin/python3';

/** Debian's python3-torch belongs to Debian's own Python, which may not be the first on the path. */
export function pythonProgram(): string {
	return process.env.GANNO_PYTHON || (existsSync(DEBIAN) ? DEBIAN : 'python3');
}

/**
 * The first Python that has a package: `GANNO_PYTHON` (then no other is asked), `python3` on the path, Debian's; undefined: none has.
 * Nothing is imported, which for PyTorch would take seconds.
 */
export function pythonWith(packageName: string): string | undefined {
	const candidates = process.env.GANNO_PYTHON ? [process.env.GANNO_PYTHON] : ['python3', 'python', DEBIAN];
	const ask = `import importlib.util, sys; sys.exit(importlib.util.find_spec(${JSON.stringify(packageName)}) is None)`;
	return candidates.find(
		(program) => spawnSync(program, ['-c', ask], { stdio: 'ignore', timeout: 60_000 }).status === 0,
	);
}

/**
 * PyTorch at its best on so many threads: what an OpenBLAS setting of the machine would take from it is removed, and OpenBLAS starts no
 * threads of its own, which slow it down.
 */
export function pythonEnvironment(threads: number): NodeJS.ProcessEnv {
	const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...rest } = process.env;
	return { ...rest, OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
}

/** For contenders on a CUDA device: JAX takes memory as it needs it, instead of three quarters of the card at once. */
export function deviceEnvironment(): NodeJS.ProcessEnv {
	return { ...process.env, XLA_PYTHON_CLIENT_PREALLOCATE: 'false', TF_CPP_MIN_LOG_LEVEL: '2', PYTHONUNBUFFERED: '1' };
}
