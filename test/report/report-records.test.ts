import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GannoError } from '../../src/errors.js';
import { openEventFile } from '../../src/files/event-file.js';
import { renderReport, writeReport } from '../../src/report/report-page.js';

const disk = vi.hoisted(() => ({ full: false }));

vi.mock('node:fs', async (importOriginal) => {
	const fs = await importOriginal<typeof import('node:fs')>();
	return {
		...fs,
		writeSync: (file: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
			if (!disk.full) return fs.writeSync(file, bytes, offset, length, position);
			fs.writeSync(file, bytes, offset, 5, position);
			throw Object.assign(new Error('ENOSPC: made by the test'), { code: 'ENOSPC' });
		},
	};
});

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-records-'));
});
afterEach(() => {
	disk.full = false;
	rmSync(folder, { recursive: true, force: true });
});

/** CRC-32C bit by bit, from the polynomial's definition: nothing shared with the code under test. */
function crc32c(bytes: Uint8Array): number {
	let crc = 0xffffffffn;
	for (const byte of bytes) {
		crc ^= BigInt(byte);
		for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
	}
	return Number(crc ^ 0xffffffffn);
}

function masked(crc: number): number {
	const rotated = (BigInt(crc) >> 15n) | ((BigInt(crc) << 17n) & 0xffffffffn);
	return Number((rotated + 0xa282ead8n) & 0xffffffffn);
}

/** The data of every record, checksums verified. */
function readRecords(bytes: Buffer): Buffer[] {
	const records: Buffer[] = [];
	for (let at = 0; at < bytes.length; ) {
		const length = Number(bytes.readBigUInt64LE(at));
		expect(bytes.readUInt32LE(at + 8)).toBe(masked(crc32c(bytes.subarray(at, at + 8))));
		const data = bytes.subarray(at + 12, at + 12 + length);
		expect(data.length).toBe(length);
		expect(bytes.readUInt32LE(at + 12 + length)).toBe(masked(crc32c(data)));
		records.push(data);
		at += 16 + length;
	}
	return records;
}

/** A protocol buffer message: field number to raw value. */
function readMessage(bytes: Buffer): Map<number, bigint | Buffer> {
	const fields = new Map<number, bigint | Buffer>();
	let at = 0;
	const varint = () => {
		let value = 0n;
		for (let shift = 0n; ; shift += 7n) {
			const byte = bytes[at++] as number;
			value |= BigInt(byte & 127) << shift;
			if (byte < 128) return value;
		}
	};
	while (at < bytes.length) {
		const key = Number(varint());
		const type = key & 7;
		const length = type === 1 ? 8 : type === 5 ? 4 : type === 2 ? Number(varint()) : 0;
		if (type === 0) fields.set(key >> 3, varint());
		else fields.set(key >> 3, bytes.subarray(at, at + length));
		at += length;
	}
	return fields;
}

function readEvents(path: string) {
	return readRecords(readFileSync(path)).map((record) => {
		const event = readMessage(record);
		const summary = event.get(5) as Buffer | undefined;
		const point = summary === undefined ? undefined : readMessage(readMessage(summary).get(1) as Buffer);
		return {
			wallTime: (event.get(1) as Buffer).readDoubleLE(),
			step: event.get(2),
			version: (event.get(3) as Buffer | undefined)?.toString(),
			tag: (point?.get(1) as Buffer | undefined)?.toString(),
			value: (point?.get(2) as Buffer | undefined)?.readFloatLE(),
			session: event.get(7) as Buffer | undefined,
		};
	});
}

test('the decoder of this test knows the published check value of CRC-32C', () => {
	expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

describe('an event file', () => {
	test('begins with the bytes of every TensorBoard file', () => {
		const file = openEventFile(join(folder, 'new', 'folder'));
		file.close();
		expect(file.path).toMatch(/events\.out\.tfevents\.\d{10}\./);
		// Length 24, its masked checksum as TensorFlow writes it, then the key of wall_time.
		expect(readFileSync(file.path).subarray(0, 13).toString('hex')).toBe('1800000000000000a37f4b2209');
		expect(readEvents(file.path)).toMatchObject([{ version: 'brain.Event:2', step: undefined }]);
	});

	test('holds every scalar as soon as it is written', () => {
		const file = openEventFile(folder);
		file.scalar('return/mean', 0.5, 0, 1234.5);
		expect(readEvents(file.path)).toHaveLength(2);
		file.scalar('verlust – été', -1e-30, 127);
		file.scalar('x', Number.NaN, 128);
		file.scalar('x', Number.POSITIVE_INFINITY, 5_000_000_000);
		file.flush();
		const [, first, second, third, fourth] = readEvents(file.path);
		expect(first).toMatchObject({ tag: 'return/mean', value: 0.5, step: 0n, wallTime: 1234.5 });
		expect(second).toMatchObject({ tag: 'verlust – été', value: Math.fround(-1e-30), step: 127n });
		expect(Math.abs((second?.wallTime as number) - Date.now() / 1000)).toBeLessThan(60);
		expect(third).toMatchObject({ value: Number.NaN, step: 128n });
		expect(fourth).toMatchObject({ value: Number.POSITIVE_INFINITY, step: 5_000_000_000n });
		file.close();
	});

	test('of a resumed run is another one, which tells where it goes on', () => {
		const first = openEventFile(folder);
		const second = openEventFile(folder, { resumedAt: 300 });
		first.close();
		second.close();
		expect(readdirSync(folder)).toHaveLength(2);
		expect(second.path > first.path).toBe(true);
		const [, start] = readEvents(second.path);
		expect(start?.step).toBe(300n);
		expect(readMessage(start?.session as Buffer)).toEqual(new Map([[1, 1n]]));
	});

	test('ends with the last whole record when the disk is full', () => {
		const file = openEventFile(folder);
		file.scalar('a', 1, 1);
		disk.full = true;
		expect(() => file.scalar('a', 2, 2)).toThrow(/disk is full/);
		expect(readEvents(file.path)).toHaveLength(2);
		disk.full = false;
		file.scalar('a', 3, 3);
		file.close();
		expect(readEvents(file.path).map(({ value }) => value)).toEqual([undefined, 1, 3]);
	});

	test('refuses bad points and use after closing', () => {
		const file = openEventFile(folder);
		expect(() => file.scalar('', 1, 1)).toThrow(/a name for tag/);
		expect(() => file.scalar('a', '1' as unknown as number, 1)).toThrow(/a number for value/);
		expect(() => file.scalar('a', 1, -1)).toThrow(/step/);
		expect(() => file.scalar('a', 1, 1.5)).toThrow(/step/);
		file.close();
		file.close();
		file.flush();
		expect(() => file.scalar('a', 1, 1)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
		expect(readEvents(file.path)).toHaveLength(1);
		writeFileSync(join(folder, 'file'), '');
		expect(() => openEventFile(join(folder, 'file'))).toThrow(GannoError);
	});
});

describe('a report', () => {
	const points = [
		{ x: 0, y: 1, error: 0.5 },
		{ x: 1, y: 3, error: 0.5 },
		{ x: 2, y: Number.NaN },
		{ x: 3, y: 2 },
	];

	test('is one file without script or outside resources, every text escaped', () => {
		const evil = `<script>alert("1")</script>&'\u0000`;
		const html = renderReport({
			title: evil,
			description: [evil],
			series: [{ name: evil, unit: evil, points, xLabel: evil }],
			tables: [{ caption: evil, header: [evil, evil], rows: [[evil, evil]], note: evil }],
		});
		for (const raw of ['<script', 'alert("', '\u0000', "&'"]) expect(html).not.toContain(raw);
		expect(html).not.toMatch(/(src|href|url)\s*[=(]|@import|https?:/);
		expect(html.split('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;\ufffd').length - 1).toBeGreaterThan(
			9,
		);
		expect(html).toContain("default-src 'none'");
	});

	test('draws a line with gaps and a band, inside its frame', () => {
		const html = renderReport({ title: 't', series: [{ name: 'return', unit: 'nats', points }], tables: [] });
		const svg = /<svg.*<\/svg>/s.exec(html)?.[0] as string;
		// Two points before the gap make a line; the lone one after it is a dot.
		const line = /class="line" d="M([^"]*)"/
			.exec(svg)?.[1]
			?.split('L')
			.map((spot) => spot.split(' ').map(Number));
		expect(line).toHaveLength(2);
		const [first, second] = line as [[number, number], [number, number]];
		expect(first[0]).toBe(58);
		expect(second[0]).toBeGreaterThan(first[0]);
		expect(second[1]).toBeLessThan(first[1]);
		expect(svg.match(/<circle/g)).toHaveLength(1);
		expect(svg.match(/class="band"/g)).toHaveLength(1);
		expect(svg).toContain('return: 2 nats at iteration 3');
		// y runs from 0.5 to 3.5: the axis reaches from tick to tick.
		const ticks = [...svg.matchAll(/data-value="([^"]*)"/g)].map((match) => Number(match[1]));
		expect(ticks[0]).toBeLessThanOrEqual(0.5);
		expect(ticks.at(-1)).toBeGreaterThanOrEqual(3.5);
		expect(svg).not.toMatch(/NaN|Infinity|undefined/);
	});

	test.each([
		['no points', []],
		['only gaps', [{ x: 0, y: Number.NaN }]],
		['one point', [{ x: 5, y: 7 }]],
		[
			'a constant',
			[
				{ x: 0, y: 0 },
				{ x: 1, y: 0 },
			],
		],
		[
			'a large constant',
			[
				{ x: 0, y: 1e300 },
				{ x: 1, y: 1e300 },
			],
		],
		[
			'tiny values',
			[
				{ x: 0, y: 1e-12 },
				{ x: 1, y: 2e-12 },
			],
		],
		[
			'a tiny change of a large value',
			[
				{ x: 0, y: 1e6 },
				{ x: 1, y: 1e6 + 1e-3 },
			],
		],
		[
			'an infinite error',
			[
				{ x: 0, y: 1, error: Number.POSITIVE_INFINITY },
				{ x: 1, y: 2 },
			],
		],
		[
			'huge x',
			[
				{ x: 1e15, y: 1 },
				{ x: 2e15, y: 2 },
			],
		],
	])('copes with %s', (_, list) => {
		const html = renderReport({ title: 't', series: [{ name: 'a', unit: '', points: list }], tables: [] });
		expect(html).not.toMatch(/NaN|Infinity|undefined/);
		const labels = [...html.matchAll(/text-anchor="end" data-value="[^"]*">([^<]*)</g)].map((match) => match[1]);
		expect(labels.length).toBeLessThan(12);
		expect(new Set(labels).size).toBe(labels.length);
		if (list.some(({ y }) => Number.isFinite(y))) expect(labels.length).toBeGreaterThan(1);
		else expect(html).toContain('no data');
	});

	test('has its tables, and is written whole', () => {
		const path = join(folder, 'report.html');
		writeReport(path, {
			title: 'Run 1',
			series: [],
			tables: [{ caption: 'Accuracy', header: ['schedule', '1e-3'], rows: [['cosine', 0.88]], note: 'of 5 seeds' }],
		});
		const html = readFileSync(path, 'utf8');
		expect(html).toContain('<th scope="row">cosine</th><td>0.88</td>');
		expect(html).toContain('of 5 seeds');
		expect(html.endsWith('</html>\n')).toBe(true);
		expect(readdirSync(folder)).toEqual(['report.html']);
	});
});
