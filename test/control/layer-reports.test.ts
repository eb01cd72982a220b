import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openLayerEventFile } from '../../src/control/layer-event-file.js';
import { type LayerReport, layerLogs } from '../../src/control/layer-report.js';
import { formatLayerTable, LayerTable } from '../../src/control/layer-table.js';
import { STATISTICS } from '../../src/optimizer/statistics.js';

const directory = mkdtempSync(join(tmpdir(), 'ganno-reports-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function report(step: number, layers = 2): LayerReport {
	const statistics = Float32Array.from({ length: layers * STATISTICS.length }, (_, i) => i / 8);
	const layerNames = Array.from({ length: layers }, (_, l) => `layer${l}`);
	return { step, layerNames, statistics, learningRates: new Float32Array(layers).fill(0.25), loss: 1.5 };
}

/** A stream that remembers, and what a terminal would show in the end. */
function terminal(isTTY: boolean, columns = 80, rows = 24) {
	let text = '';
	const screen = (): string[] => {
		const lines: string[] = [''];
		let row = 0;
		for (const part of text.replaceAll('\u001b[', '§').match(/§\d+A|§2K|\r|\n|[^§\r\n]+/g) ?? []) {
			if (/^§\d+A$/.test(part)) row -= Number(part.slice(1, -1));
			else if (part === '§2K') lines[row] = '';
			else if (part === '\n') {
				row++;
				lines[row] ??= '';
			} else if (part !== '\r') lines[row] += part;
		}
		return lines;
	};
	return { isTTY, columns, rows, write: (chunk: string) => (text += chunk), text: () => text, screen };
}

describe('layer reports', () => {
	it('become logs by figure and layer', () => {
		const logs = layerLogs(report(1), ['learningRate', 'gradientMean']);
		expect(logs).toEqual({
			'learningRate/layer0': 0.25,
			'learningRate/layer1': 0.25,
			'gradientMean/layer0': 1 / 8,
			'gradientMean/layer1': 15 / 8,
		});
		expect(Object.keys(layerLogs(report(1)))).toHaveLength(12);
		expect(() => layerLogs(report(1), ['gradientnorm' as never])).toThrow(/figures\[0\]/);
	});

	it('have no ratio to parameters that are zero, as biases are in the beginning', () => {
		const zero = report(1);
		zero.statistics[STATISTICS.indexOf('parameterNorm')] = 0;
		zero.statistics[STATISTICS.indexOf('updateRatio')] = 4.9e7;
		const [, , first, second] = formatLayerTable(zero, ['updateRatio']);
		expect(first).toMatch(/^layer0 +–$/);
		expect(second).toMatch(/^layer1 +\d\.\d\de\+\d$/);
	});

	it('become curves of an event file', () => {
		const file = openLayerEventFile(join(directory, 'run'), { figures: ['updateRatio'] });
		file.write(report(10));
		file.close();
		file.close();
		expect(() => file.write(report(11))).toThrow(/closed/);
		const bytes = readFileSync(file.path);
		const text = bytes.toString('latin1');
		for (const tag of ['loss', 'updateRatio/layer0', 'updateRatio/layer1']) expect(text).toContain(tag);
		expect(text).not.toContain('gradientNorm');
		expect(bytes.includes(Buffer.from(Float32Array.of(9 / 8).buffer))).toBe(true);
	});

	it('become a table that is drawn in place on a terminal, and ends with the last report', () => {
		const stream = terminal(true);
		const table = new LayerTable({ stream, figures: ['learningRate', 'gradientNorm', 'nonFiniteCount'] });
		for (let step = 0; step <= 50; step++) table.write(report(step));
		table.close();
		const lines = stream.screen().filter((line) => line !== '');
		expect(lines).toEqual([
			'step 50  loss 1.5000',
			'layer      rate      ‖g‖  not finite',
			'layer0  2.50e-1  0.00e+0       1.625',
			expect.stringMatching(/^layer1 /),
		]);
	});

	it('stay within a narrow or low terminal', () => {
		const stream = terminal(true, 20, 6);
		const table = new LayerTable({ stream });
		table.write(report(1, 30));
		table.close();
		const lines = stream.screen().filter((line) => line !== '');
		expect(lines).toHaveLength(5);
		expect(lines.at(-1)).toBe('… and 28 more');
		for (const line of lines) expect(line.length).toBeLessThan(20);
	});

	it('are printed now and then where there is no terminal', () => {
		const stream = terminal(false);
		const table = new LayerTable({ stream, every: 20 });
		for (let step = 1; step <= 50; step++) table.write(report(step));
		table.close();
		expect(stream.text().match(/^step \d+/gm)).toEqual(['step 20', 'step 40']);
	});
});
