import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors, type StoredTensor, writeSafetensors } from '../../src/files/safetensors.js';
import type { Policy } from '../../src/policy/policy.js';
import { describePolicy, loadPolicy, savePolicy } from '../../src/policy/policy-file.js';
import { policySpec, randomSnapshot } from '../support/policies.js';

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-policy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const policy: Policy = {
	...randomSnapshot(policySpec({ network: 'recurrent', hiddenUnits: 6, granularity: 'network', action: 'coarse' })),
	training: { seed: 4, iterations: 10, dataset: 'fashion-mnist', nested: { list: [1, 2] } },
};

describe('policy file', () => {
	it.each(['feed-forward', 'recurrent'] as const)('keeps every bit of a %s policy', (network) => {
		const path = join(folder, `${network}.safetensors`);
		const original: Policy = { ...policy, ...randomSnapshot(policySpec({ network, hiddenUnits: 6 })) };
		savePolicy(path, original);
		expect(loadPolicy(path)).toEqual(original);
	});

	it('keeps a second control, and says it to a person', () => {
		const path = join(folder, 'second.safetensors');
		const spec = policySpec({ actions: 27, secondControl: 'weight-decay', hiddenUnits: 6 });
		const original: Policy = { ...policy, ...randomSnapshot(spec) };
		savePolicy(path, original);
		const loaded = loadPolicy(path);
		expect(loaded).toEqual(original);
		const second = { name: 'second control', value: 'weight-decay of 0, 0.001, 0.01' };
		expect(describePolicy(loaded)).toContainEqual(second);
		expect(describePolicy(loaded)).toContainEqual({ name: 'action', value: 'compounding (27 actions)' });
		expect(describePolicy(policy).map(({ name }) => name)).not.toContain('second control');
	});

	it('describes itself to a person', () => {
		const lines = describePolicy(policy).map(({ name, value }) => `${name}: ${value}`);
		expect(lines).toContain('observation: layer-v1 (23 features)');
		expect(lines).toContain('agents: one per network');
		expect(lines).toContain('training.dataset: fashion-mnist');
		expect(lines).toContain('training.nested: {"list":[1,2]}');
		expect(lines.join()).toContain('GRU 6');
	});

	it('keeps its card and says it to a person', () => {
		const path = join(folder, 'card.safetensors');
		const card = {
			licence: 'Apache-2.0',
			summary: 'What it is.',
			evaluation: { 'test accuracy': '80 %' },
			limitations: ['Fails here.', 'And there.'],
		};
		savePolicy(path, { ...policy, card });
		const loaded = loadPolicy(path);
		expect(loaded).toEqual({ ...policy, card });
		expect(describePolicy(loaded).slice(-5)).toEqual([
			{ name: 'licence', value: 'Apache-2.0' },
			{ name: 'summary', value: 'What it is.' },
			{ name: 'evaluation', value: 'test accuracy: 80 %' },
			{ name: 'limitation', value: 'Fails here.' },
			{ name: 'limitation', value: 'And there.' },
		]);
		const wrong = { ...policy, card: { ...card, evaluation: { accuracy: 0.8 } } };
		expect(() => savePolicy(path, wrong as unknown as Policy)).toThrow(
			/an object of strings for policy\.card\.evaluation/,
		);
		expect(loadPolicy(path)).toEqual({ ...policy, card });
	});

	it('is not written where it would hold numbers that are not finite', () => {
		const path = join(folder, 'never.safetensors');
		const parameters = policy.parameters.slice().fill(Number.NaN, 3, 4);
		expect(() => savePolicy(path, { ...policy, parameters })).toThrow(/actor\/before\/kernel\[3\] is NaN/);
		expect(() => savePolicy(path, { ...policy, parameters: new Float32Array(2) })).toThrow(/policy\.parameters/);
		expect(readdirSync(folder)).not.toContain('never.safetensors');
	});

	it('reports a missing file by its path', () => {
		const path = join(folder, 'absent.safetensors');
		expect(() => loadPolicy(path)).toThrow(path);
		expect(() => loadPolicy(path)).toThrow(expect.objectContaining({ code: 'FILE_SYSTEM' }));
	});

	interface Content {
		tensors: StoredTensor[];
		metadata: Record<string, string>;
	}
	const changeSpec = (changes: object) => (content: Content) => {
		content.metadata.spec = JSON.stringify({ ...JSON.parse(content.metadata.spec!), ...changes });
	};

	it.each<[string, (content: Content) => void, RegExp]>([
		['of another format', ({ metadata }) => (metadata.format = 'something'), /not a policy of ganno/],
		['of a later version', ({ metadata }) => (metadata.version = '3'), /version 3/],
		['without a spec', ({ metadata }) => delete metadata.spec, /'spec' is missing/],
		['with a broken spec', ({ metadata }) => (metadata.spec = '{'), /'spec' is not JSON/],
		['with a broken card', ({ metadata }) => (metadata.card = '{'), /'card' is not JSON/],
		['with half a card', ({ metadata }) => (metadata.card = '{"licence":"MIT"}'), /card is not valid.*summary/],
		['with a spec of other sizes', changeSpec({ hiddenUnits: 7 }), /shape \[23, 6\], not a Float32Array of shape/],
		['with a spec that cannot be', changeSpec({ hiddenUnits: -1 }), /spec is not valid/],
		['of another network', changeSpec({ network: 'feed-forward' }), /which a feed-forward policy has not/],
		['of an unknown observation', changeSpec({ observation: 'layer-v9' }), /observation 'layer-v9'/],
		['of an unknown action rule', changeSpec({ action: 'guess' }), /action rule 'guess'/],
		['of an unknown second control', changeSpec({ secondControl: 'epsilon' }), /spec is not valid.*secondControl/],
		[
			'with a second control of too few actions',
			changeSpec({ secondControl: 'weight-decay' }),
			/'coarse' with weight-decay of 9 actions .*coarse of 9, coarse with weight-decay of 27/,
		],
		...(['fine', 'anchored'] as const).map((action): [string, (content: Content) => void, RegExp] => [
			`of the removed action set ${action}`,
			changeSpec({ action }),
			new RegExp(`'${action}' was removed: .*what-we-tried.*Train the policy again`),
		]),
		[
			'of the removed second control momentum',
			changeSpec({ secondControl: 'momentum', actions: 27 }),
			/'momentum' was removed: .*what-we-tried.*Train the policy again/,
		],
		['without a tensor', ({ tensors }) => tensors.splice(2, 1), /tensor 'actor\/gru\/kernel' is missing/],
		[
			'with a tensor too many',
			({ tensors }) => tensors.push({ name: 'extra', shape: [1], data: new Float32Array(1) }),
			/a tensor 'extra'/,
		],
		['with a NaN', ({ tensors }) => tensors[4]!.data.fill(Number.NaN), /is NaN/],
		['with a standard deviation of 0', ({ tensors }) => tensors.at(-1)!.data.fill(0), /standardDeviation\[0\] is 0/],
		[
			'of another type',
			({ tensors }) => tensors.splice(0, 1, { ...tensors[0]!, data: Float64Array.from(tensors[0]!.data) }),
			/is a Float64Array/,
		],
	])('%s is refused with the reason', (_what, damage, reason) => {
		const path = join(folder, 'damaged.safetensors');
		savePolicy(path, policy);
		const { tensors, metadata } = readSafetensors(path);
		const content: Content = { tensors: [...tensors], metadata: { ...metadata } };
		damage(content);
		writeSafetensors(path, content.tensors, content.metadata);
		expect(() => loadPolicy(path)).toThrow(reason);
		expect(() => loadPolicy(path)).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
		expect(() => loadPolicy(path)).toThrow(path);
	});

	it('is refused wherever it is cut off', () => {
		const path = join(folder, 'cut.safetensors');
		savePolicy(path, policy);
		const bytes = readFileSync(path);
		for (const length of [0, 4, 8, 100, 1000, bytes.length - 1]) {
			writeFileSync(path, bytes.subarray(0, length));
			expect(() => loadPolicy(path)).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
		}
	});
});
