import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { native, packageRoot } from '../../src/native.js';

/** binding.d.ts is written by hand: hold it against what the addon exports. */

const contract = readFileSync(join(packageRoot, 'binding.d.ts'), 'utf8');

function declaredFunctions(): string[] {
	return [...contract.matchAll(/^export function (\w+)/gm)].map((match) => match[1] as string);
}

/** Class → its methods, accessors and readonly properties. */
function declaredClasses(): Map<string, string[]> {
	const classes = new Map<string, string[]>();
	for (const [, name, body] of contract.matchAll(/^export class (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)) {
		const members = [...(body as string).matchAll(/^\t(?:readonly |get )?(\w+)(?:\(|\??:)/gm)]
			.map((match) => match[1] as string)
			.filter((member) => member !== 'constructor');
		classes.set(name as string, [...new Set(members)]);
	}
	return classes;
}

describe('binding.d.ts', () => {
	const binding = native() as unknown as Record<string, unknown>;

	it('declares every export of the addon, and no other', () => {
		expect([...declaredFunctions(), ...declaredClasses().keys()].sort()).toEqual(Object.keys(binding).sort());
	});

	it('declares every member of every class, and no other', () => {
		expect(declaredClasses().size).toBeGreaterThan(0);
		for (const [name, members] of declaredClasses()) {
			const { prototype } = binding[name] as { prototype: object };
			const actual = Object.getOwnPropertyNames(prototype).filter((member) => member !== 'constructor');
			expect(members.sort(), name).toEqual(actual.sort());
		}
	});
});
