import { describe, expect, it } from 'vitest';
import { devices } from '../src/device-list.js';
import { ADDON, runScript } from './support/child-process.js';

describe('devices()', () => {
	it('lists the CPU with the tier in use among those it can run', () => {
		const [cpu] = devices();
		expect(cpu).toMatchObject({ kind: 'cpu', name: 'cpu', available: true });
		if (cpu?.kind !== 'cpu') return;
		expect(cpu.tiers[0]).toBe('baseline');
		expect(cpu.tiers).toContain(cpu.tier);
		expect(cpu.cores).toBeGreaterThanOrEqual(1);
		expect(cpu.memory).toBeGreaterThan(2 ** 26);
	});

	it('lists the CUDA devices, or says why there is none and what to do', () => {
		const cuda = devices().slice(1);
		expect(cuda.length).toBeGreaterThan(0);
		for (const [index, device] of cuda.entries()) {
			if (device.available) expect(device).toMatchObject({ kind: 'cuda', name: `cuda:${index}` });
			else {
				expect(device).toMatchObject({ kind: 'cuda', name: 'cuda' });
				expect(device.reason).toMatch(/: (install|see|Install|no nvcc)/);
			}
		}
	});
});

describe('GANNO_CPU_TIER', () => {
	const ask = `console.log(require(${JSON.stringify(ADDON)}).cpuTier())`;

	it('forces a tier', async () => {
		const result = await runScript(`process.env.GANNO_CPU_TIER = 'baseline'; ${ask}`);
		expect(result).toMatchObject({ code: 0, stdout: 'baseline\n' });
	});

	it('that cannot run here is refused with those that can', async () => {
		const result = await runScript(`process.env.GANNO_CPU_TIER = 'avx1024';
			try { ${ask} } catch (error) { console.log(error.code, error.message); }`);
		expect(result.stdout).toMatch(/^INVALID_ARGUMENT GANNO_CPU_TIER is 'avx1024'.*it can run: baseline/);
	});
});
