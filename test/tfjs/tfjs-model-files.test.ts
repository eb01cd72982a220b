import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';
import { fileSystem, LayerwiseTfOptimizer } from '../../src/tfjs/index.js';
import { useBackend } from '../support/tfjs-models.js';

/** Models as files in the layout of tfjs-node, without tfjs-node. */

beforeAll(() => useBackend('cpu'));
const root = mkdtempSync(join(tmpdir(), 'ganno-models-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(root, `${count++}`);

const data = () => [tf.randomNormal([16, 3], 0, 1, 'float32', 1), tf.ones([16, 1])] as const;
const values = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);

async function trained(steps = 3): Promise<tf.Sequential> {
	const model = tf.sequential({
		layers: [tf.layers.dense({ units: 4, inputShape: [3], activation: 'tanh' }), tf.layers.dense({ units: 1 })],
	});
	model.compile({ optimizer: new LayerwiseTfOptimizer({ algorithm: 'adam' }), loss: 'meanSquaredError' });
	for (let t = 0; t < steps; t++) await model.trainOnBatch(...data());
	return model;
}

/** As tfjs-node 4.22's NodeFileSystem.loadJSONModel does it: the oracle of the layout. */
async function loadAsTfjsNode(file: string): Promise<tf.LayersModel> {
	const json = JSON.parse(readFileSync(file, 'utf8')) as tf.io.ModelJSON;
	const artifacts = await tf.io.getModelArtifactsForJSON(json, async (manifest) => [
		tf.io.getWeightSpecs(manifest),
		tf.io.CompositeArrayBuffer.join(
			manifest.flatMap(({ paths }) =>
				paths.map((path) => new Uint8Array(readFileSync(join(file, '..', path))).buffer as ArrayBuffer),
			),
		),
	]);
	return await tf.loadLayersModel(tf.io.fromMemory(artifacts));
}

describe('A model in a folder', () => {
	it.each([
		['fileSystem(folder)', (folder: string) => [fileSystem(folder), fileSystem(folder)]],
		['fileSystem(its model.json)', (folder: string) => [fileSystem(join(folder, 'model.json')), fileSystem(folder)]],
		['a file:// URL', (folder: string) => [`file://${folder}`, `file://${folder}/model.json`]],
	] as const)('comes back with its optimiser and goes on to the same bits: %s', async (_, where) => {
		const folder = join(fresh(), 'deep', 'down');
		const model = await trained();
		const [to, from] = where(folder);
		const { modelArtifactsInfo } = await model.save(to!, { includeOptimizer: true });
		expect(modelArtifactsInfo.weightDataBytes).toBe(readFileSync(join(folder, 'weights.bin')).byteLength);
		expect(readdirSync(folder).sort()).toEqual(['model.json', 'weights.bin']);
		const loaded = await tf.loadLayersModel(from!);
		expect(values(loaded)).toEqual(values(model));
		for (const each of [model, loaded]) await each.trainOnBatch(...data());
		expect(values(loaded)).toEqual(values(model));
		expect(loaded.optimizer.iterations).toBe(4);
	});

	it('is read as tfjs-node reads it, and what tfjs-node wrote is read here', async () => {
		const folder = fresh();
		const model = await trained();
		model.setUserDefinedMetadata({ who: 'tester' });
		await model.save(fileSystem(folder), { includeOptimizer: true });
		const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as tf.io.ModelJSON;
		expect(Object.keys(json).sort()).toEqual([
			'convertedBy',
			'format',
			'generatedBy',
			'modelTopology',
			'trainingConfig',
			'userDefinedMetadata',
			'weightsManifest',
		]);
		expect(json.format).toBe('layers-model');
		const loaded = await loadAsTfjsNode(join(folder, 'model.json'));
		expect(values(loaded)).toEqual(values(model));
		await loaded.trainOnBatch(...data());
		expect(loaded.optimizer.iterations).toBe(4);

		// As the converter writes: several groups, several files each.
		const bytes = readFileSync(join(folder, 'weights.bin'));
		const [{ weights }] = json.weightsManifest as [tf.io.WeightsManifestConfig[number]];
		const split = 12 * 4; // after the first kernel
		const manifest = [
			{ paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'], weights: weights.slice(0, 1) },
			{ paths: ['group2.bin'], weights: weights.slice(1) },
		];
		const sharded = fresh();
		mkdirSync(sharded);
		writeFileSync(join(sharded, 'group1-shard1of2.bin'), bytes.subarray(0, 10));
		writeFileSync(join(sharded, 'group1-shard2of2.bin'), bytes.subarray(10, split));
		writeFileSync(join(sharded, 'group2.bin'), bytes.subarray(split));
		writeFileSync(join(sharded, 'net.json'), JSON.stringify({ ...json, weightsManifest: manifest }));
		expect(values(await tf.loadLayersModel(fileSystem(join(sharded, 'net.json'))))).toEqual(values(model));
	});

	it('keeps weights of every type, quantised ones and none', async () => {
		const folder = fresh();
		const specs: tf.io.WeightsManifestEntry[] = [
			{ name: 'a', shape: [2], dtype: 'float32', quantization: { dtype: 'uint8', scale: 1, min: 0 } },
			{ name: 'b', shape: [3], dtype: 'bool' },
			{ name: 'c', shape: [], dtype: 'int32' },
			{ name: 'd', shape: [0, 4], dtype: 'complex64' },
			{ name: 'e', shape: [1], dtype: 'float32', quantization: { dtype: 'float16' } },
		];
		const weightData = [Uint8Array.of(1, 2, 0, 1).buffer, Uint8Array.of(1, 7, 0, 0, 0, 0, 60).buffer];
		const handler = fileSystem(folder);
		await handler.save({ modelTopology: {}, weightSpecs: specs, weightData });
		const loaded = await handler.load();
		expect(loaded.weightSpecs).toEqual(specs);
		expect([...new Uint8Array(tf.io.CompositeArrayBuffer.join(loaded.weightData))]).toEqual([
			1, 2, 0, 1, 1, 7, 0, 0, 0, 0, 60,
		]);
		await handler.save({ modelTopology: { only: true } });
		expect(await handler.load()).toEqual({
			modelTopology: { only: true },
			format: undefined,
			generatedBy: undefined,
			convertedBy: undefined,
		});
		expect(readdirSync(folder)).toEqual(['model.json']);
	});

	it('is one of several in it, each with weights of its own', async () => {
		const folder = fresh();
		const models = await Promise.all([trained(1), trained(2)]);
		for (const round of [0, 1, 2]) {
			for (const [i, model] of models.entries()) await model.save(fileSystem(join(folder, `${i}.json`)));
			for (const [i, model] of models.entries()) {
				const loaded = await tf.loadLayersModel(fileSystem(join(folder, `${i}.json`)));
				expect(values(loaded), `round ${round}`).toEqual(values(model));
				await model.trainOnBatch(...data());
			}
			expect(readdirSync(folder)).toHaveLength(4);
		}
	});
});

describe('A save over another model', () => {
	const topology = (n: number) => ({
		modelTopology: { n },
		weightSpecs: [{ name: 'w', shape: [2], dtype: 'float32' as const }],
		weightData: Float32Array.of(n, n).buffer,
	});
	const read = async (folder: string) => {
		const { modelTopology, weightData } = await fileSystem(folder).load();
		const [a, b] = new Float32Array(tf.io.CompositeArrayBuffer.join(weightData));
		return [(modelTopology as { n: number }).n, a, b];
	};

	it('leaves the weights of the new one only, and files of others alone', async () => {
		const folder = fresh();
		mkdirSync(folder);
		for (const name of ['weights-mine.bin', 'notes.txt']) writeFileSync(join(folder, name), 'mine');
		for (let n = 0; n < 4; n++) {
			await fileSystem(folder).save(topology(n));
			expect(await read(folder)).toEqual([n, n, n]);
			expect(readdirSync(folder).filter((name) => /^weights(-[0-9a-f]{12})?\.bin$/.test(name))).toHaveLength(1);
		}
		expect(readdirSync(folder)).toHaveLength(4);
		// What model.json names elsewhere is not ours to remove.
		const outside = join(root, 'outside.bin');
		writeFileSync(outside, 'keep');
		const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as tf.io.ModelJSON;
		json.weightsManifest[0]!.paths = ['../outside.bin', 'notes.txt'];
		writeFileSync(join(folder, 'model.json'), JSON.stringify(json));
		await fileSystem(folder).save(topology(9));
		expect([existsSync(outside), existsSync(join(folder, 'notes.txt'))]).toEqual([true, true]);
	});

	it('is the old model or the new one, after whichever call of the system a process dies', async () => {
		const folder = fresh();
		await fileSystem(folder).save(topology(0));
		const program = join(root, 'dies.mjs');
		writeFileSync(
			program,
			`import { fileSystem } from ${JSON.stringify(pathToFileURL(join(packageRoot, 'dist/tfjs/index.js')).href)};
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const [, , from, to] = process.argv;
const { cpSync } = fs;
let left;
for (const name of ['openSync', 'writeSync', 'fsyncSync', 'renameSync', 'rmSync', 'unlinkSync']) {
	const own = fs[name];
	fs[name] = (...args) => {
		if (left === 0) throw new Error('dead'); // and nothing is done from then on
		left--;
		return own(...args);
	};
}
syncBuiltinESMExports();
const weights = { weightSpecs: [{ name: 'w', shape: [2], dtype: 'float32' }], weightData: Float32Array.of(1, 1).buffer };
let calls = 0;
for (let died = true; died; calls++) {
	left = Infinity;
	cpSync(from, to + calls, { recursive: true });
	left = calls;
	died = await fileSystem(to + calls).save({ modelTopology: { n: 1 }, ...weights }).then(() => false, () => true);
}
fs.writeFileSync(1, String(calls));`,
		);
		const copies = fresh();
		const { stdout, status } = spawnSync(process.execPath, [program, folder, copies], { encoding: 'utf8' });
		expect(status).toBe(0);
		const outcomes: unknown[] = [];
		for (let calls = 0; calls < Number(stdout); calls++) {
			const [n, a, b] = await read(`${copies}${calls}`);
			expect([a, b], `after ${calls} calls`).toEqual([n, n]);
			outcomes.push(n);
		}
		expect(outcomes.length).toBeGreaterThan(10);
		expect(new Set(outcomes)).toEqual(new Set([0, 1]));
		expect(outcomes.lastIndexOf(0)).toBeLessThan(outcomes.indexOf(1)); // the new one from the moment it is there
	});

	it('that fails at model.json leaves nothing behind', async () => {
		const folder = fresh();
		mkdirSync(join(folder, 'model.json'), { recursive: true });
		await expect(fileSystem(folder).save(topology(4))).rejects.toMatchObject({
			code: 'FILE_SYSTEM',
			message: expect.stringContaining('not a regular file') as string,
		});
		expect(readdirSync(folder)).toEqual(['model.json']);
	});

	it('heals a damaged one', async () => {
		const folder = fresh();
		mkdirSync(folder);
		for (const damage of [
			'',
			'{',
			'null',
			'{"weightsManifest": 3}',
			'{"modelTopology": {}, "weightsManifest": [null]}',
		]) {
			writeFileSync(join(folder, 'model.json'), damage);
			await fileSystem(folder).save(topology(5));
			expect(await read(folder)).toEqual([5, 5, 5]);
		}
	});
});

describe('Files that are missing or damaged are named, with what to do', () => {
	const saved = async () => {
		const folder = fresh();
		await (await trained(1)).save(fileSystem(folder), { includeOptimizer: true });
		return folder;
	};
	const edit = (folder: string, change: (json: Record<string, unknown>) => void) => {
		const file = join(folder, 'model.json');
		const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
		change(json);
		writeFileSync(file, JSON.stringify(json));
	};
	const cases: [string, (folder: string) => void, string, RegExp][] = [
		[
			'no folder',
			(f) => rmSync(f, { recursive: true }),
			'FILE_SYSTEM',
			/^Could not read the model .*model\.json: ENOENT/,
		],
		[
			'no weights',
			(f) => rmSync(join(f, 'weights.bin')),
			'FILE_SYSTEM',
			/^Could not read the weights .*weights\.bin.*model\.json says/,
		],
		[
			'weights cut short',
			(f) => writeFileSync(join(f, 'weights.bin'), 'short'),
			'BAD_FILE',
			/weights\.bin: there are 5 bytes of weights, and by model\.json it is \d+\. Save/,
		],
		[
			'an empty model.json',
			(f) => writeFileSync(join(f, 'model.json'), ''),
			'BAD_FILE',
			/model\.json: this is not JSON: .*Save the model again/,
		],
		[
			'half a model.json',
			(f) => writeFileSync(join(f, 'model.json'), readFileSync(join(f, 'model.json')).subarray(0, 300)),
			'BAD_FILE',
			/this is not JSON/,
		],
		['something else', (f) => writeFileSync(join(f, 'model.json'), '[1]'), 'BAD_FILE', /no model of tfjs/],
		['null', (f) => writeFileSync(join(f, 'model.json'), 'null'), 'BAD_FILE', /no model of tfjs/],
		[
			'a manifest that is none',
			(f) => edit(f, (j) => (j.weightsManifest = 3)),
			'BAD_FILE',
			/weightsManifest is not an array/,
		],
		[
			'a group without files',
			(f) => edit(f, (j) => (j.weightsManifest = [{ weights: [] }])),
			'BAD_FILE',
			/names no files/,
		],
		[
			'a group without weights',
			(f) => edit(f, (j) => (j.weightsManifest = [{ paths: [] }])),
			'BAD_FILE',
			/lists no weights/,
		],
		[
			'a weight without a shape',
			(f) => edit(f, (j) => (j.weightsManifest = [{ paths: [], weights: [{ name: 'w', dtype: 'float32' }] }])),
			'BAD_FILE',
			/shape of the weight w/,
		],
	];
	it.each(cases)('%s', async (_, damage, code, message) => {
		const folder = await saved();
		damage(folder);
		for (const where of [fileSystem(folder), `file://${folder}/model.json`]) {
			const error: unknown = await tf.loadLayersModel(where).catch((reason: unknown) => reason);
			expect(error).toMatchObject({ name: 'GannoError', code, message: expect.stringMatching(message) as string });
			expect((error as Error).message).toContain(folder);
		}
	});

	it('whatever the list of weights holds: a GannoError, or a load', async () => {
		const folder = await saved();
		await fc.assert(
			fc.asyncProperty(fc.jsonValue(), async (manifest) => {
				writeFileSync(join(folder, 'model.json'), JSON.stringify({ modelTopology: {}, weightsManifest: manifest }));
				await fileSystem(folder)
					.load()
					.catch((error: unknown) => expect((error as Error).name).toBe('GannoError'));
			}),
		);
	});

	it('paths that are none, and topologies that are no JSON', async () => {
		for (const wrong of [undefined, '', 3, ['a', 'b']]) {
			expect(() => fileSystem(wrong as never)).toThrow(/^Expected a path/);
		}
		await expect(tf.loadLayersModel('file://')).rejects.toThrow(/^Expected a path/);
		await expect(fileSystem(fresh()).save({ modelTopology: new ArrayBuffer(8) })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
		});
	});
});

describe('file:// URLs', () => {
	it('are left to whoever else answers to them, before or after', () => {
		const url = `file://${root}/x`;
		expect([tf.io.getSaveHandlers(url), tf.io.getLoadHandlers(url)].map(({ length }) => length)).toEqual([1, 1]);
		expect(tf.io.getSaveHandlers('localstorage://x')).toHaveLength(0);
		let answering = true;
		const other = { save: async () => ({}) as tf.io.SaveResult, load: async () => ({}) };
		const router = ((given: string) => (answering && given.startsWith('file://') ? other : null)) as never;
		tf.io.registerSaveRouter(router); // as tfjs-node does when it is imported
		tf.io.registerLoadRouter(router);
		expect(tf.io.getSaveHandlers(url)).toEqual([other]);
		expect(tf.io.getLoadHandlers(url)).toEqual([other]);
		answering = false;
		expect(tf.io.getSaveHandlers(url)).toHaveLength(1);
	});
});
