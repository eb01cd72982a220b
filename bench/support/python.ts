import { existsSync } from 'node:fs';

/** Debian's python3-torch belongs to Debian's own Python, which may not be the first on the path. */
export function pythonProgram(): string {
	const debian = '/usr/bin/python3';
	return process.env.GANNO_PYTHON || (existsSync(debian) ? debian : 'python3');
}

/**
 * PyTorch at its best on so many threads: what an OpenBLAS setting of the machine would take from it is removed, and OpenBLAS starts no
 * threads of its own, which slow it down.
 */
export function pythonEnvironment(threads: number): NodeJS.ProcessEnv {
	const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...rest } = process.env;
	return { ...rest, OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
}
