import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

/** Contracts are written by hand: hold each against what its addon exports. */

/** What a declaration file declares itself, or exports from another. */
function read(file: string): string {
	const text = readFileSync(join(packageRoot, file), 'utf8');
	const others = [...text.matchAll(/^export \{ (\w+) \} from '(.+)';/gm)].map(([, name, from]) => {
		const other = readFileSync(join(packageRoot, file, '..', from as string), 'utf8');
		return new RegExp(`^export class ${name} \\{\\n[\\s\\S]*?^\\}`, 'm').exec(other)?.[0] ?? '';
	});
	return [text, ...others].join('\n');
}

function declaredFunctions(contract: string): string[] {
	return [...contract.matchAll(/^export function (\w+)/gm)].map((match) => match[1] as string);
}

/** Class → its methods, accessors and readonly properties. */
function declaredClasses(contract: string): Map<string, string[]> {
	const classes = new Map<string, string[]>();
	for (const [, name, body] of contract.matchAll(/^export class (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)) {
		const members = [...(body as string).matchAll(/^\t(?:readonly |get )?(\w+)(?:\(|\??:)/gm)]
			.map((match) => match[1] as string)
			.filter((member) => member !== 'constructor');
		classes.set(name as string, [...new Set(members)]);
	}
	return classes;
}

describe.each([
	['binding.d.ts', 'ganno.node'],
	['bench/binding-bench.d.ts', 'ganno-bench.node'],
])('%s', (file, addon) => {
	const contract = read(file);
	const path = join(packageRoot, 'build', 'Release', addon);
	const binding = createRequire(import.meta.url)(path) as Record<string, unknown>;

	it(`declares every export of ${addon}, and no other`, () => {
		expect([...declaredFunctions(contract), ...declaredClasses(contract).keys()].sort()).toEqual(
			Object.keys(binding).sort(),
		);
	});

	it('declares every member of every class, and no other', () => {
		expect(declaredClasses(contract).size).toBeGreaterThan(0);
		for (const [name, members] of declaredClasses(contract)) {
			const { prototype } = binding[name] as { prototype: object };
			const actual = Object.getOwnPropertyNames(prototype).filter((member) => member !== 'constructor');
			expect(members.sort(), name).toEqual(actual.sort());
		}
	});
});
