import { afterEach, describe, expect, it, vi } from 'vitest';
import { CASES, caseNamed, operationsPerStep } from '../../bench/cases.js';
import { barChart } from '../../bench/support/bar-chart.js';
import { startContender } from '../../bench/support/contender.js';
import { markdownReport } from '../../bench/support/markdown.js';
import { measured, median, report, target, unmeasured } from '../../bench/support/report.js';
import { Stopwatch, timeMethods } from '../../bench/support/stopwatch.js';
import { layerSizes, PATH_CASES } from '../../bench/tfjs/cases.js';

const label = { case: 'mlp', contender: 'ganno', metric: 'steps', unit: '1' };

describe('figures', () => {
	it('are medians with their extremes', () => {
		expect(median([3, 1, 2])).toBe(2);
		expect(median([4, 1, 2, 3])).toBe(2.5);
		expect(measured(label, [5, 1, 3])).toMatchObject({ median: 3, min: 1, max: 5, samples: 3 });
	});

	it('are refused when a sample is not finite or there is none', () => {
		expect(() => measured(label, [1, Number.NaN])).toThrow(/a sample is NaN/);
		expect(() => measured(label, [Number.POSITIVE_INFINITY])).toThrow(/a sample is Infinity/);
		expect(() => measured(label, [])).toThrow(/no samples/);
		expect(() => target('speed', '>=', 3, Number.NaN)).toThrow(/NaN/);
	});

	it('meet a target, miss it, or leave it open', () => {
		expect(target('speed', '>=', 3, 3).met).toBe(true);
		expect(target('speed', '>=', 3, 2.9).met).toBe(false);
		expect(target('share', '<=', 0.03, 0.04).met).toBe(false);
		expect(target('gain', '>', 0, 0).met).toBe(false);
		expect(target('speed', '>=', 3, null)).toEqual({ name: 'speed', target: '>= 3', value: null, met: null });
	});
});

describe('operations per step', () => {
	// 2 × 64 × (2 × 784·128 + 3 × (128·64 + 64·10)), and likewise for the convolutions.
	it.each([
		['mlp', 29_081_600],
		['cnn-small', 414_498_816],
		['cnn-cifar', 2_995_224_576],
	])('%s', (name, operations) => {
		expect(operationsPerStep(caseNamed(name).spec, 64)).toBe(operations);
	});

	it('are known for every case', () => {
		expect(CASES.map(({ name }) => name)).toEqual(['mlp', 'cnn-small', 'cnn-cifar']);
		expect(() => caseNamed('resnet')).toThrow(/mlp, cnn-small, cnn-cifar/);
	});
});

describe('report', () => {
	afterEach(() => vi.restoreAllMocks());

	const result: Omit<Parameters<typeof report>[0], 'json'> = {
		quick: true,
		tier: 'avx2',
		versions: { ganno: '0' },
		rows: [measured(label, [1, 2, 3]), unmeasured({ ...label, contender: 'rival' }, 'not installed; run this')],
		targets: [target('speed', '>=', 3, null)],
	};

	function printed(json: boolean, what = result): string {
		let text = '';
		vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
			text += String(chunk);
			return true;
		});
		report({ ...what, json });
		return text;
	}

	it('prints exactly one JSON object when asked to', () => {
		const parsed = JSON.parse(printed(true)) as Record<string, unknown>;
		expect(Object.keys(parsed)).toEqual(['machine', 'versions', 'tier', 'quick', 'rows', 'targets']);
		expect(parsed).toMatchObject({
			rows: [
				{ median: 2, samples: 3 },
				{ median: null, samples: 0 },
			],
		});
	});

	it('judges nothing by a trial run', () => {
		const judged = {
			...result,
			targets: [target('fast', '>=', 3, 4), target('small', '<=', 3, 4), target('far', '>', 3, null)],
		};
		const words = (quick: boolean) => printed(false, { ...judged, quick });
		expect(words(false)).toMatch(/fast .* met\n[\s\S]*small .* NOT MET\n[\s\S]*far .* not measured/);
		expect(words(true)).not.toMatch(/\bmet\b|NOT MET/);
		expect(words(true)).toMatch(/fast .* not judged[\s\S]*small .* not judged[\s\S]*far .* not measured/);
		const { targets } = JSON.parse(printed(true, judged)) as { targets: { met: unknown; value: unknown }[] };
		expect(targets.map(({ met, value }) => [met, value])).toEqual([
			[null, 4],
			[null, 4],
			[null, null],
		]);
		const saved = { ...judged, machine: { cpu: 'a', cores: 1, memoryGigabytes: 1, system: 'none' } };
		expect(markdownReport(saved, [])).not.toMatch(/\| (met|missed) \|/);
	});

	it('prints a table that says what was not measured and why', () => {
		const text = printed(false);
		expect(text).toContain('not measured');
		expect(text).toContain('not installed; run this');
	});
});

it('a saved report becomes Markdown tables', () => {
	const text = markdownReport(
		{
			machine: { cpu: 'abacus', cores: 1, memoryGigabytes: 1, system: 'none' },
			versions: { ganno: '0' },
			tier: 'baseline',
			quick: false,
			rows: [
				measured(label, [1, 2, 3]),
				measured({ ...label, contender: 'rival' }, [5]),
				unmeasured({ ...label, contender: 'rival', case: 'cnn' }, 'not measured: too large'),
				measured({ ...label, metric: 'share' }, [0.5]),
			],
			targets: [target('speed', '>=', 3, 2.5)],
		},
		['steps'],
	);
	expect(text).toContain(
		'| contender | `mlp` | `cnn` |\n| --- | --- | --- |\n| `ganno` | 2 (1–3) |  |\n| `rival` | 5 | – |',
	);
	expect(text).toContain('- rival, cnn: not measured: too large');
	expect(text).toContain('| speed | >= 3 | 2.50 | missed |');
	expect(text).not.toContain('share');
});

describe('a chart', () => {
	const machine = { cpu: 'CPU <x>', cores: 2, memoryGigabytes: 8, system: 'Linux' };
	const saved = {
		machine,
		versions: { ganno: '0' },
		tier: 'avx2',
		quick: false,
		targets: [],
		rows: [measured(label, [9, 10, 11]), unmeasured({ ...label, contender: 'rival' }, 'not installed')],
	};

	it('draws a bar for what was measured, on a logarithmic scale, and says what was not', () => {
		const svg = barChart(saved, 'steps', 'Speed & more');
		expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
		expect(svg).toContain('Speed &amp; more');
		expect(svg).toContain('CPU &lt;x&gt;');
		expect(svg.match(/<rect /g)).toHaveLength(2); // the ground and one bar
		expect(svg).toContain('not measured');
		expect(svg).toContain('mlp, rival');
		const width = (value: number): number => {
			const rows = [
				measured({ ...label, case: 'other' }, [1]),
				measured(label, [value]),
				measured({ ...label, case: 'top' }, [100]),
			];
			return Number(
				[
					...barChart({ ...saved, rows }, 'steps', '').matchAll(/height="16" fill|width="([\d.]+)" height="16"/g),
				][1]?.[1],
			);
		};
		expect(width(10)).toBeCloseTo(width(100) / 2, 0);
	});

	it('is refused for a metric that nothing has', () => {
		expect(() => barChart(saved, 'watts', '')).toThrow(/no measured row of watts/);
	});
});

describe('a contender', () => {
	const start = (program: string) => startContender('fake', [process.execPath, '-e', program], process.env, 'Do this.');
	const slice = { steps: 5, cpuSeconds: 0.5, wallSeconds: 1, loss: 2 };
	const answering = (answer: unknown) => `
		console.log('a library says hello');
		console.log(JSON.stringify({ ready: true, version: 'fake 1' }));
		process.stdin.on('data', () => console.log(${JSON.stringify(JSON.stringify(answer))}));`;

	it('answers slices, whatever else its libraries print', async () => {
		const contender = await start(answering(slice));
		expect(contender.version).toBe('fake 1');
		expect(await contender.run(1)).toEqual(slice);
		expect(await contender.run(1)).toEqual(slice);
		await contender.close();
		await contender.close();
	});

	it('is unavailable when it says so or cannot start, and that is no error', async () => {
		const saying = await start(`console.log(JSON.stringify({ unavailable: 'not installed' }))`);
		expect(saying.unavailable).toBe('not installed');
		await saying.close();
		const failing = await start(`throw new Error('broken import')`);
		expect(failing.unavailable).toMatch(/broken import.*Do this\./s);
		await failing.close();
		const missing = await startContender('fake', ['/nonexistent/program'], process.env, 'Do this.');
		expect(missing.unavailable).toMatch(/ENOENT.*Do this\./s);
		await missing.close();
	});

	it('is refused when its loss is not a number, or it dies in a slice', async () => {
		const diverged = await start(answering({ ...slice, loss: null }));
		await expect(diverged.run(1)).rejects.toThrow(/nothing is reported/);
		await diverged.close();
		const dying = await start(
			`console.log(JSON.stringify({ ready: true })); process.stdin.on('data', () => process.exit(7));`,
		);
		await expect(dying.run(1)).rejects.toThrow(/status 7/);
		await dying.close();
		const garbled = await start(
			`console.log(JSON.stringify({ ready: true })); process.stdin.on('data', () => console.log('{"loss": -Infinity}'));`,
		);
		await expect(garbled.run(1)).rejects.toThrow(/not JSON/);
		await garbled.close();
	});
});

it('a stopwatch counts nested calls once and passes values and errors through', () => {
	class Counter {
		outer(): number {
			return this.inner() + 1;
		}
		inner(): number {
			return 1;
		}
		fail(): never {
			throw new Error('as before');
		}
	}
	const watch = new Stopwatch();
	const enter = vi.spyOn(watch, 'enter');
	timeMethods(Counter.prototype, watch);
	const counter = new Counter();
	expect(counter.outer()).toBe(2);
	expect(() => counter.fail()).toThrow('as before');
	expect(enter).toHaveBeenCalledTimes(3);
	expect(watch.milliseconds).toBeGreaterThanOrEqual(0);
	expect(() => timeMethods(Counter.prototype, watch)).toThrow(/timed already/);
});

it('bench:tfjs has a rival for every case, and cuts its sizes to the parameter', () => {
	expect(new Set(PATH_CASES.map(({ name }) => name)).size).toBe(PATH_CASES.length);
	for (const { contenders } of PATH_CASES) expect(contenders.length).toBeGreaterThan(1);
	for (const what of ['1e4', '1e5', '1e6', '1e7']) {
		const total = layerSizes(what).reduce((sum, size) => sum + size, 0);
		expect(Math.abs(total - Number(what))).toBeLessThan(5);
	}
});
