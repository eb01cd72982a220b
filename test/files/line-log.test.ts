import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GannoError } from '../../src/errors.js';
import { type LineFormat, LineLog, type LineLogOrigin, readLines, uncheckedLines } from '../../src/files/line-log.js';

interface Item {
	readonly item: number;
	readonly text: string;
	readonly share: number | null;
}

const FORMAT: LineFormat<Item> = {
	parse: (value, index) => ((value as Partial<Item>).item === index ? (value as Item) : undefined),
	expected: (index) => `item ${index}`,
	kept: 'Those before are kept',
};

const folder = mkdtempSync(join(tmpdir(), 'ganno-lines-'));
const path = join(folder, 'log.jsonl');

/** An origin that must be equal. */
const originOf = (value: object): LineLogOrigin => ({
	value,
	compare(recorded) {
		if (JSON.stringify(recorded) !== JSON.stringify(value)) throw new GannoError('BAD_FILE', 'of another origin');
	},
});
const ORIGIN = originOf({ settings: { seed: 1 }, data: 'd' });
const ITEMS: readonly Item[] = [0, 1, 2, 3].map((item) => ({
	item,
	text: `ü${item}`,
	share: item === 2 ? null : 1 / 3,
}));

/** The text of a log with these items. */
function logOf(items: readonly Item[], origin: LineLogOrigin | undefined, before = ''): string {
	writeFileSync(path, before);
	using log = new LineLog(path, FORMAT, origin);
	for (const item of items) log.append(item);
	return readFileSync(path, 'utf8');
}

function opened(text: string, origin: LineLogOrigin | undefined = ORIGIN): readonly Item[] {
	writeFileSync(path, text);
	using log = new LineLog(path, FORMAT, origin);
	return log.entries;
}

function codeOf(action: () => unknown): string | undefined {
	try {
		action();
	} catch (error) {
		return (error as GannoError).code;
	}
	return undefined;
}

/** As a version without checks wrote it. */
const bare = (items: readonly Item[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');

describe('a log of lines', () => {
	it('gives back what was appended, and the same bytes whenever it was opened between', () => {
		const whole = logOf(ITEMS, ORIGIN);
		expect(opened(whole)).toEqual(ITEMS);
		for (let at = 0; at <= ITEMS.length; at++) {
			const first = logOf(ITEMS.slice(0, at), ORIGIN);
			expect(whole.startsWith(first)).toBe(true);
			expect(logOf(ITEMS.slice(at), ORIGIN, first)).toBe(whole);
		}
		// One object a line, what was appended first in it: other programs read it as before.
		expect(whole.split('\n')[1]).toMatch(
			/^\{"item":1,"text":"ü1","share":0\.3333333333333333,"check":"[0-9a-f]{16}"\}$/,
		);
	});

	it('never takes a line in which a single byte was changed', () => {
		const whole = Buffer.from(logOf(ITEMS, ORIGIN));
		for (let at = 0; at < whole.length; at++) {
			for (const byte of [0x20, 0x31, 0x0a, whole[at]! ^ 1]) {
				if (byte === whole[at]) continue;
				const changed = Buffer.from(whole);
				changed[at] = byte;
				writeFileSync(path, changed);
				let entries: readonly Item[];
				try {
					({ entries } = readLines(path, FORMAT));
				} catch (error) {
					expect((error as GannoError).code).toBe('BAD_FILE');
					continue;
				}
				// Only a last line that is none any more may be missing, two where it runs on into the one before; they will be made again.
				expect(entries.length).toBeGreaterThanOrEqual(ITEMS.length - 2);
				expect(entries).toEqual(ITEMS.slice(0, entries.length));
			}
		}
	});

	it('may be cut between lines or within its last, not within another, and no line may leave or change places', () => {
		const lines = logOf(ITEMS, ORIGIN).trimEnd().split('\n');
		const join = (list: readonly string[]) => list.map((line) => `${line}\n`).join('');
		for (let kept = 0; kept < lines.length; kept++) {
			expect(opened(join(lines.slice(0, kept)))).toEqual(ITEMS.slice(0, kept));
			expect(opened(`${join(lines.slice(0, kept))}${lines[kept]!.slice(0, -2)}`)).toEqual(ITEMS.slice(0, kept));
		}
		for (let i = 0; i < lines.length; i++) {
			const without = lines.filter((_, k) => k !== i);
			if (i < lines.length - 1) expect(codeOf(() => opened(join(without)))).toBe('BAD_FILE');
			expect(codeOf(() => opened(join([...lines.slice(0, i + 1), lines[i]!, ...lines.slice(i + 1)])))).toBe('BAD_FILE');
		}
	});

	it('may have gone through an editor that ends lines in another way', () => {
		expect(opened(logOf(ITEMS, ORIGIN).replaceAll('\n', '\r\n'))).toEqual(ITEMS);
	});

	it('of another origin is refused, and so are lines of one', () => {
		const other = originOf({ settings: { seed: 2 }, data: 'd' });
		const own = logOf(ITEMS, ORIGIN).split('\n');
		const foreign = logOf(ITEMS, other).split('\n');
		expect(() => opened(foreign.join('\n'))).toThrow('of another origin');
		for (let i = 1; i < ITEMS.length; i++) {
			const mixed = own.map((line, k) => (k === i ? foreign[k] : line)).join('\n');
			expect(() => opened(mixed)).toThrow(`line ${i + 1} was changed, or is of another log`);
		}
		const without = logOf(ITEMS, undefined).split('\n');
		expect(codeOf(() => opened([own[0], ...without.slice(1)].join('\n')))).toBe('BAD_FILE');
	});

	it('of a version without checks goes on, says how many lines nobody can check, and is checked from there', () => {
		for (let old = 1; old <= ITEMS.length; old++) {
			const before = bare(ITEMS.slice(0, old));
			writeFileSync(path, before);
			{
				using log = new LineLog(path, FORMAT, ORIGIN);
				expect(log.unchecked).toBe(old);
				expect(uncheckedLines(log)).toContain(old === 1 ? 'The first line of' : `The first ${old} lines of`);
				for (const item of ITEMS.slice(old)) log.append(item);
			}
			const text = readFileSync(path, 'utf8');
			expect(text.startsWith(before)).toBe(true);
			expect(opened(text)).toEqual(ITEMS);
			if (old === ITEMS.length) continue;
			expect(text.split('\n')[old]).toContain('"origin":{"settings":{"seed":1},"data":"d"}');
			expect(() => opened(text, originOf({ settings: { seed: 2 } }))).toThrow('of another origin');
		}
		// Once there are checks, a line without is none of a version before them.
		const lines = logOf(ITEMS, ORIGIN).split('\n');
		lines[2] = JSON.stringify(ITEMS[2]);
		expect(() => opened(lines.join('\n'))).toThrow('line 3 was changed: it has no check');
	});
});
