import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configReference, resolveConfig } from '../../src/config/config.js';
import { parseAssignment, readConfigFile } from '../../src/config/config-load.js';
import { findSuite } from '../../src/evaluation/suites/definitions/find-suite.js';
import { QUICK_SUITE } from '../../src/evaluation/suites/definitions/quick-suite.js';
import { resolveSearchConfig, searchConfigReference } from '../../src/search/search-config.js';

const folder = mkdtempSync(join(tmpdir(), 'ganno-config-files-'));

function write(content: string | Uint8Array): string {
	const path = join(folder, 'settings.json');
	writeFileSync(path, content);
	return path;
}

function messageOf(action: () => unknown): string {
	try {
		action();
	} catch (error) {
		expect((error as { code?: string }).code).toBe('INVALID_CONFIG');
		return (error as Error).message;
	}
	throw new Error('nothing was thrown');
}

/** Text in the encodings that editors and shells save. */
const ENCODINGS: readonly [string, (text: string) => Buffer][] = [
	['UTF-8', (text) => Buffer.from(text)],
	['UTF-8 with a byte order mark', (text) => Buffer.from(`\ufeff${text}`)],
	['little-endian UTF-16', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
	['big-endian UTF-16', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
];

describe.each(ENCODINGS)('a file in %s', (_, encode) => {
	it('is read as a config', () => {
		expect(readConfigFile(write(encode('{"seed":7,"dataDirectory":"Zürich"}'))).values).toEqual({
			seed: 7,
			dataDirectory: 'Zürich',
		});
	});

	it('is read as a suite', () => {
		expect(findSuite(write(encode(JSON.stringify(QUICK_SUITE))))).toEqual(findSuite('quick'));
	});
});

const CONFIGS = [
	['training', resolveConfig, configReference()],
	['search', resolveSearchConfig, searchConfigReference()],
] as const;

describe.each(CONFIGS)('the config of a %s', (_, resolve, keys) => {
	const fromFile = (text: string) => resolve([readConfigFile(write(text))]);
	const fromOption = (text: string) => resolve([{ source: 'the command line', values: parseAssignment(text) }]);
	const sections = new Set(keys.flatMap(({ key }) => (key.includes('.') ? [key.slice(0, key.indexOf('.'))] : [])));

	it.each(['__proto__', 'constructor', 'prototype'])('has no key %s, at any depth of a file or an option', (name) => {
		const seed = '{"seed":77,"nonsense":1}';
		expect(messageOf(() => fromFile(`{"${name}":${seed}}`))).toContain(`Unknown config key ${name} in ${folder}`);
		expect(messageOf(() => fromOption(`${name}.seed=78`))).toContain(`Unknown config key ${name} in the command line`);
		for (const section of sections) {
			const message = `Unknown config key ${section}.${name} in `;
			expect(messageOf(() => fromFile(`{"${section}":{"${name}":${seed}}}`))).toContain(message);
			expect(messageOf(() => fromOption(`${section}.${name}.clip=0.5`))).toContain(message);
			expect(messageOf(() => fromOption(`${section}={"${name}":{"clip":0.5}}`))).toContain(message);
		}
		// Inside values that no schema names key by key, and inside lists.
		expect(messageOf(() => fromOption(`seed=[{"a":[{"${name}":1}]}]`))).toContain(`key seed.0.a.0.${name} in`);
	});

	it('tells a number from the word for it', () => {
		expect(messageOf(() => fromOption('seed=NaN'))).toContain('received "NaN" in');
		expect(messageOf(() => fromOption('seed="Infinity"'))).toContain('received "Infinity" in');
	});

	it.each(['1e999', '-1e999'])('refuses %s and says of which key, as what it was read', (number) => {
		const received = number.startsWith('-') ? '-Infinity' : 'Infinity';
		for (const { key, default: value } of keys) {
			for (const text of [number, `[${number}]`, `[1,${number}]`]) {
				const message = messageOf(() => fromOption(`${key}=${text}`));
				expect(message, key).toContain(`for ${key}`);
				expect(message, key).toContain(received);
				expect(message, key).not.toContain('null');
			}
			expect(value, key).not.toBe(Number.POSITIVE_INFINITY);
		}
	});
});

it.each(['__proto__', 'constructor', 'prototype'])('a suite has no key %s, at any depth', (name) => {
	const text = JSON.stringify(QUICK_SUITE);
	for (const place of ['{"name"', '{"id"']) {
		expect(text).toContain(place);
		const path = write(text.replace(place, `{"${name}":{"resamples":500},${place.slice(1)}`));
		expect(messageOf(() => findSuite(path))).toMatch(new RegExp(`Expected no key (tasks\\.0\\.)?${name} in`));
	}
});
