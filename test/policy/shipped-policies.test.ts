import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ConfigInput, parseConfig } from '../../src/config/config.js';
import { PRESETS } from '../../src/config/presets.js';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import { COARSE_MULTIPLIERS } from '../../src/environment/actions/actions.js';
import { policySpec } from '../../src/meta-training/meta-train.js';
import { packageRoot } from '../../src/native.js';
import { LayerwiseOptimizer } from '../../src/optimizer/layerwise-optimizer.js';
import { PhiloxGenerator } from '../../src/philox.js';
import { loadPolicy } from '../../src/policy/policy-file.js';
import { SHIPPED_POLICIES } from '../../src/policy/shipped-policies.js';
import { policyPath } from '../../src/runs/policy-path.js';
import { ganno } from '../support/run-ganno.js';

const folder = join(packageRoot, 'policies');
const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors'));
const recipes = {
	'default.safetensors': parseConfig({ ...PRESETS.standard, seed: 1 }),
	'one-action.safetensors': parseConfig({
		...PRESETS.standard,
		seed: 1,
		environment: { ...PRESETS.standard.environment, granularity: 'network' },
	}),
	'adaptive-lr.safetensors': parseConfig({ ...PRESETS['adaptive-lr'], seed: 1 }),
} as const;

describe('the policies of the package', () => {
	it('are those that reproduce:policy makes', () => {
		expect(files.sort()).toEqual(Object.keys(recipes).sort());
		expect(SHIPPED_POLICIES.map((name) => policyPath(name)).sort()).toEqual(
			files.map((name) => join(folder, name)).sort(),
		);
	});

	it('are known by their names, which are listed where there is none', () => {
		const options = { learningRate: 1e-3, horizon: 100 };
		expect(LayerwiseController.fromPolicy('one-action', options).name).toBe('learned');
		expect(() => LayerwiseController.fromPolicy('one_action', options)).toThrow(
			/no file 'one_action'.*it has default, one-action, adaptive-lr$/,
		);
		expect(() => LayerwiseController.fromPolicy('runs/policy.safetensors', options)).toThrow(/Could not read/);
	});

	it.each(Object.entries(recipes))('%s is what its preset trains, small, and has a card', (name, config) => {
		const path = join(folder, name);
		const { spec, training, card } = loadPolicy(path);
		expect(spec).toEqual(policySpec(config));
		expect(training.seed).toBe(1);
		expect(training.iterations).toBe(config.iterations);
		// Settings that were added since have the default, which changes nothing.
		const { tasks, environment, learner } = parseConfig(training.config as ConfigInput);
		expect(tasks).toEqual(config.tasks);
		expect(environment).toEqual(config.environment);
		expect(learner).toEqual(config.learner);
		expect(statSync(path).size).toBeLessThan(200_000);
		expect(card?.licence).toBe(JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).license);
		expect(card?.limitations.length).toBeGreaterThan(0);
		expect(Object.keys(card?.evaluation ?? {}).length).toBeGreaterThan(5);
	});

	it.each(files)(
		'%s is summed up on a screen: what it is, does and reached, on what, and where it fails',
		async (name) => {
			const path = join(folder, name);
			const { code, stdout } = await ganno(['info', path]);
			expect(code).toBe(0);
			const lines = stdout.trimEnd().split('\n');
			expect(lines[0]).toBe(`policy    ${path}`);
			expect(lines.length).toBeLessThan(60);
			for (const line of lines) if (!line.includes(path)) expect(line.length, line).toBeLessThanOrEqual(80);
			const text = stdout.replaceAll(/\s+/g, ' ');
			const { card, spec } = loadPolicy(path);
			expect(text).toContain(card!.summary);
			for (const limitation of card!.limitations) expect(text).toContain(limitation);
			for (const fact of ['suite', 'final test accuracy', 'mean rank', 'diverged']) {
				expect(text).toContain(`${fact}: ${card!.evaluation[fact]}`);
			}
			const verdicts = Object.values(card!.evaluation).filter((value) => /^(met|missed): /.test(value));
			const met = verdicts.filter((value) => value.startsWith('met: '));
			expect(text).toContain(`targets: ${met.length} of ${verdicts.length} met; missed:`);
			for (const value of verdicts.filter((each) => each.startsWith('missed: '))) {
				expect(text).toContain(value.split(' ')[1]);
			}
			expect(text).toContain(`${spec.observationSize} features`);
			expect(text).toMatch(
				/observes .* decides .* network .* trained .* results .* limits .* licence Apache-2.0 more /,
			);
		},
	);

	it('tell of the default one what its agents can do at a decision', async () => {
		const { stdout } = await ganno(['info', 'default']);
		expect(stdout.replaceAll(/\s+/g, ' ')).toContain(`times ${COARSE_MULTIPLIERS.join(', ')} (coarse, 9 actions)`);
		expect(stdout).toContain('npx ganno info default --json');
	});

	it('give everything as JSON', async () => {
		const { card, spec, training } = loadPolicy('default');
		const { stdout } = await ganno(['info', 'default', '--json']);
		expect(JSON.parse(stdout)).toMatchObject({ file: join(folder, 'default.safetensors'), spec, training, card });
	});

	it.each([1e-6, 1])('lead a training out of the initial learning rate %s', (learningRate) => {
		// Noisy least squares with Adam, which at 1e-6 moves parameters by 6e-4 in all, and at 1 throws them about.
		const lossAfter = (controlled: boolean): number => {
			const noise = new PhiloxGenerator(1, 'task');
			const target = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
			const layers = [
				{ name: 'a', parameters: new Float32Array(48), gradients: new Float32Array(48) },
				{ name: 'b', parameters: new Float32Array(16), gradients: new Float32Array(16) },
			];
			const optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers });
			const options = { learningRate, horizon: 600 };
			const controller = controlled
				? LayerwiseController.fromPolicy('default', options)
				: LayerwiseController.fromSchedule('constant', options);
			const using = controller.attach(optimizer);
			const gradient = (): number => {
				let loss = 0;
				let base = 0;
				for (const { parameters, gradients } of layers) {
					for (let i = 0; i < parameters.length; i++) {
						const error = (parameters[i] as number) - (target[base + i] as number);
						loss += error ** 2 / 64;
						gradients[i] = (error + noise.nextNormal()) / 32;
					}
					base += parameters.length;
				}
				return loss;
			};
			for (let step = 0; step < 600; step++) using.step(gradient());
			const loss = gradient();
			optimizer.dispose();
			return loss;
		};
		expect(lossAfter(true)).toBeLessThan(0.5 * lossAfter(false));
	});
});
