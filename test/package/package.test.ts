import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import * as face from '../../src/index.js';
import * as tfjsFace from '../../src/tfjs/index.js';

const ROOT = join(import.meta.dirname, '..', '..');

/** Everything semantic versioning covers that exists at run time. */
const EXPORTS = [
	'GannoError',
	'LayerTable',
	'LayerwiseController',
	'LayerwiseOptimizer',
	'NETWORK_OBSERVATIONS',
	'NetworkPopulation',
	'OBSERVATIONS',
	'POPULATION_STATISTICS',
	'PolicyController',
	'ReplayLog',
	'RunDirectory',
	'STATISTICS',
	'STATISTIC_INDEX',
	'TrainingEnvironment',
	'architectureNetwork',
	'cnn',
	'createLearner',
	'createPolicyInference',
	'describePolicy',
	'devices',
	'evaluateOnHeldOutTasks',
	'evaluatePolicy',
	'formatEvaluation',
	'inferShapes',
	'layerLogs',
	'layerStatistics',
	'layersModelArtifacts',
	'learningCheck',
	'loadDataset',
	'loadPolicy',
	'metaTrain',
	'mlp',
	'openDataset',
	'openExecutor',
	'openLayerEventFile',
	'parseArchitecture',
	'parseConfig',
	'residual',
	'runEpisode',
	'runSearch',
	'sampleActions',
	'sampleContinuousActions',
	'sampleTasks',
	'savePolicy',
	'scheduleByName',
	'scheduleController',
	'syntheticDataset',
	'tuneBaseline',
	'tuneSchedule',
	'withoutBaseline',
];

/**
 * The package as npm would install it: its files and run-time dependencies, none of the optional peers. `ganno` resolves through the
 * exports of its package.json.
 */
let project: string;
beforeAll(() => {
	project = mkdtempSync(join(tmpdir(), 'ganno-package-'));
	const modules = join(project, 'node_modules');
	const own = join(modules, 'ganno');
	mkdirSync(own, { recursive: true });
	for (const file of ['package.json', 'dist']) cpSync(join(ROOT, file), join(own, file), { recursive: true });
	symlinkSync(join(ROOT, 'build'), join(own, 'build'));
	const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
		dependencies: Record<string, string>;
	};
	for (const name of Object.keys(dependencies)) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
	writeFileSync(join(project, 'package.json'), '{"type":"module"}');
});

async function runModule(source: string): Promise<string> {
	const path = join(project, 'script.mjs');
	writeFileSync(path, source);
	const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: project });
	return stdout;
}

describe('the package', () => {
	it('exports exactly its public face', async () => {
		expect(Object.keys(face).sort()).toEqual(EXPORTS);
		const built = await runModule("import * as face from 'ganno'; console.log(JSON.stringify(Object.keys(face)))");
		expect((JSON.parse(built) as string[]).sort()).toEqual(EXPORTS);
	});

	it('exports exactly its face for tfjs from ganno/tfjs', () => {
		expect(Object.keys(tfjsFace).sort()).toEqual([
			'LayerwiseTfOptimizer',
			'fileSystem',
			'heldOutLoss',
			'layerCallback',
			'openLayersModel',
			'registerWasmTrainingKernels',
			'useBestBackend',
		]);
	});

	it('imports without any optional peer, without the addon, and keeps no process alive', async () => {
		const loaded = await runModule(`
			import 'ganno';
			import { createRequire } from 'node:module';
			const files = [...Object.keys(createRequire(import.meta.url).cache), ...process.report.getReport().sharedObjects];
			console.log(files.filter((file) => file.includes('@tensorflow') || file.endsWith('.node')).join());
		`);
		expect(loaded.trim()).toBe('');
		expect(readdirSync(join(project, 'node_modules')).some((name) => name.includes('tensorflow'))).toBe(false);
	});

	it('trains networks, drives them with a schedule and a policy, and runs worker threads, all without tfjs', async () => {
		const output = await runModule(
			`
			import { LayerwiseOptimizer, STATISTICS, TrainingEnvironment, devices, openExecutor, parseConfig, runEpisode, sampleTasks, scheduleByName, syntheticDataset } from 'ganno';
			const dataset = syntheticDataset();
			const [task] = sampleTasks(
				{ dataset, networks: [{ type: 'mlp', hidden: [8] }], networksPerTask: 2, sliceSize: 0, horizon: 40, decisions: 4, validationSize: 32, batchSizes: [8] },
				1, 0, 1);
			using environment = new TrainingEnvironment({ task, dataset });
			const { returns } = runEpisode({ environment, controller: scheduleByName('cosine') });
			await using executor = openExecutor(parseConfig({ dataset: 'synthetic', workers: 1 }), dataset);
			for await (const result of executor.evaluate([{ task, method: { type: 'schedule', name: 'cosine' } }])) {
				console.log(JSON.stringify([...result.returns]) === JSON.stringify([...returns]), STATISTICS.length, devices()[0].kind);
			}
		`
				.replaceAll(/\b(await )?using (\w+) =/g, 'const $2 =')
				.concat('\nenvironment.dispose(); await executor[Symbol.asyncDispose]();'),
		);
		expect(output.trim()).toBe('true 14 cpu');
	});

	it('says what to install where tfjs is missing', async () => {
		const output = await runModule(`
			import { createLearner, parseConfig } from 'ganno';
			const spec = { network: 'feed-forward', observation: 'layer-v1', observationSize: 23, action: 'compounding', actions: 9, hiddenUnits: 8, granularity: 'layer' };
			await createLearner({ spec, seed: 0, iterations: 1 }).catch(({ code, message }) => console.log(code, message));
		`);
		expect(output).toMatch(/^MISSING_DEPENDENCY .*npm install @tensorflow\/tfjs/);
	});
});
