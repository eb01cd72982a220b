import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');

/** Rows of the tables: the last cell names files and, after a colon, their tests in quotation marks. */
const rows = read('docs/guarded-bugs.md')
	.split('\n')
	.filter((line) => line.startsWith('| ') && !/^\| (what happened|-+) /.test(line))
	.map((line) => line.split('|').map((cell) => cell.trim()));

describe('every bug of docs/guarded-bugs.md', () => {
	it('is there', () => {
		expect(rows.length).toBeGreaterThanOrEqual(18);
	});

	it.each(rows.map((cells) => [cells[1] as string, cells[3] as string]))('has tests that exist: %s', (_, tests) => {
		let found = 0;
		for (const [, file, names] of tests.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g)) {
			const source = read(file as string);
			for (const [, name] of (names as string).matchAll(/"([^"]+)"/g)) {
				// As the name of a test, that is, at the beginning or inside of a string.
				expect(source.includes(name as string), `${file}: ${name}`).toBe(true);
				found++;
			}
		}
		expect(found).toBeGreaterThan(0);
		expect(tests.match(/`test\//g)?.length).toBe([...tests.matchAll(/`test\/[^`]+`: "/g)].length);
	});
});
