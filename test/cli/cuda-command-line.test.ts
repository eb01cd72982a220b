import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../src/native.js';
import { CUBLAS_STUB, EMULATED_ADDON } from '../support/emulation.js';
import { ganno } from '../support/run-ganno.js';
import { TINY } from '../support/tiny-config.js';

/** `--device`, with the emulated card (one). */

const env = { GANNO_BINDING: EMULATED_ADDON };
const folder = mkdtempSync(join(tmpdir(), 'ganno-cuda-'));
const config = join(folder, 'tiny.json');
beforeAll(() => {
	const evaluation = { ...TINY.evaluation, learningRates: [1e-2], tuningLearningRates: [1e-2] };
	writeFileSync(config, JSON.stringify({ ...TINY, evaluation }));
});

async function policyOf(device: string, ...options: string[]): Promise<Buffer> {
	const run = join(folder, device.replace(/\W/g, '-') + options.join(''));
	const result = await ganno(['train', '--config', config, '--device', device, '--run-dir', run, ...options], { env });
	expect(result.stderr).toContain('iteration 3/3');
	expect(result.code).toBe(0);
	return readFileSync(join(run, 'policy.safetensors'));
}

describe('ganno devices', () => {
	it.each([
		[CUBLAS_STUB, /^cublas \S+ganno-cublas-stub.so, for large dense layers of precision tf32$/m],
		['off', /^cublas not used: GANNO_CUBLAS is 'off'$/m],
		['/nowhere/libcublas.so.13', /^cublas not used: GANNO_CUBLAS: \/nowhere\/libcublas.so.13: .*No such file/m],
		['', /^cublas not used: neither libcublas.so.13 nor libcublas.so.12 was found: put its folder/m],
	])('says which cuBLAS is used, or why none: %s', async (path, line) => {
		const { code, stdout } = await ganno(['devices'], { env: { ...env, GANNO_CUBLAS: path } });
		expect(code).toBe(0);
		expect(stdout).toMatch(line);
	});
});

describe('ganno train --device', () => {
	it.runIf(native().cpuTiers().length > 1)("learns the CPU's policy, bit for bit, whatever the workers", async () => {
		const expected = await policyOf('cpu');
		expect((await policyOf('cuda:0')).equals(expected)).toBe(true);
		expect((await policyOf('cuda:0', '--workers', '0')).equals(expected)).toBe(true);
	});

	it('evaluates on the card too', async () => {
		const run = join(folder, 'judged');
		const trained = await ganno(['train', '--config', config, '--device', 'cuda:0', '--run-dir', run], { env });
		expect(trained.code).toBe(0);
		const judged = await ganno(['evaluate', run, '--device', 'cuda:0'], { env });
		expect(judged.code).toBe(0);
		expect(judged.stdout).toContain('cosine, tuned');
	});

	it('in tf32 learns and evaluates too, another policy; on the CPU it says what to do', async () => {
		const rough = await policyOf('cuda:0', '--precision', 'tf32');
		expect((await policyOf('cuda:0', '--precision', 'tf32', '--workers', '0')).equals(rough)).toBe(true);
		expect((await policyOf('cuda:0', '--precision', 'float32')).equals(rough)).toBe(false);
		const run = join(folder, 'cuda-0--precisiontf32');
		const judged = await ganno(['evaluate', run, '--device', 'cuda:0', '--precision', 'tf32'], { env });
		expect(judged.code).toBe(0);
		const refused = await ganno(['train', '--config', config, '--precision', 'tf32'], { env });
		expect(refused.code).toBe(2);
		expect(refused.stderr).toMatch(/Expected 'cuda:N' for device with precision 'tf32' but received "auto"/);
	});

	it('says which cards there are, and that each needs a worker', async () => {
		const missing = await ganno(['train', '--config', config, '--device', 'cuda:0,cuda:1'], { env });
		expect(missing.code).toBe(1);
		expect(missing.stderr).toMatch(/'cuda:1' cannot be used: there is only cuda:0/);
		const idle = await ganno(['train', '--config', config, '--device', 'cuda:0,cuda:1', '--workers', '1'], { env });
		expect(idle.code).not.toBe(0);
		expect(idle.stderr).toMatch(/2 devices need as many workers, but there is 1: use --workers 2/);
		const odd = await ganno(['train', '--config', config, '--device', 'cuda:0,cpu'], { env });
		expect(odd.code).toBe(2);
	});
});
