import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shell } from '../src/shell-words.js';

describe.skipIf(process.platform === 'win32')('a command to be pasted', () => {
	it('stays readable where nothing needs quoting', () => {
		expect(shell`ganno train --resume ${'runs/standard-seed0-20261130-184923'}`).toBe(
			'ganno train --resume runs/standard-seed0-20261130-184923',
		);
		expect(shell`ganno evaluate ${'läufe/日本'}`).toBe('ganno evaluate läufe/日本');
		expect(shell`ganno evaluate ${'mein Lauf'}`).toBe("ganno evaluate 'mein Lauf'");
	});

	it('gives a path that looks like an option as a path', () => {
		expect(shell`ganno evaluate ${'-x'}`).toBe('ganno evaluate ./-x');
	});

	it('reaches the program with the words that were put in, as the shell reads them', () => {
		// A shell's parameters hold no NUL; a lone surrogate is no text that a path could have.
		const words = fc.array(
			fc.oneof(
				fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/[\0\ud800-\udfff]/g, '')),
				fc.string({ unit: fc.constantFrom(...'\'"\\ $`!~*?[]{}()<>|&;#=%\n\t\r-a'.split('')) }),
			),
			{ minLength: 1, maxLength: 30 },
		);
		fc.assert(
			fc.property(words, (list) => {
				const command = list.map((word) => shell` ${word}`).join('');
				const printed = execFileSync('sh', ['-c', `printf '%s\\0'${command}`], { encoding: 'utf8' });
				expect(printed.split('\0').slice(0, -1)).toEqual(
					list.map((word) => (word.startsWith('-') ? `./${word}` : word)),
				);
			}),
			{ numRuns: 60 },
		);
	});
});
