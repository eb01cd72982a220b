import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { JointActionDecoder, WEIGHT_DECAY_LEVELS } from '../../src/environment/actions/joint-action.js';
import { runEpisode } from '../../src/environment/episode.js';
import { OBSERVATION_SIZE, observationNames } from '../../src/environment/observations/layer-observation.js';
import { populationFactory } from '../../src/environment/populations/open-population.js';
import { TrainingEnvironment, type TrainingEnvironmentOptions } from '../../src/environment/training-environment.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { fakePopulations, fakeTask } from '../support/fake-population.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { populationOutput } from '../support/population.js';
import { TEST_DEVICE } from '../support/test-device.js';

const float32 = (values: readonly number[]) => values.map(Math.fround);

describe('joint actions', () => {
	it('are a level times nine and a category of the learning rate', () => {
		const { actions, weightDecays } = new JointActionDecoder().decode(Uint8Array.of(0, 8, 9, 17, 18, 26), 3, 6);
		expect([...actions]).toEqual([0, 8, 0, 8, 0, 8]);
		expect([...weightDecays!]).toEqual(float32([0, 0, 1e-3, 1e-3, 1e-2, 1e-2]));
	});

	it('give every layer the same level where there is one agent', () => {
		const { actions, weightDecays } = new JointActionDecoder().decode(Uint8Array.of(13, 26), 2, 4);
		expect([...actions]).toEqual([4, 8]);
		expect([...weightDecays!]).toEqual(float32([1e-3, 1e-3, 1e-2, 1e-2]));
	});

	it('are refused in a wrong number or beyond the last category', () => {
		const decoder = new JointActionDecoder();
		expect(() => decoder.decode(new Uint8Array(3), 2, 4)).toThrow(/Uint8Array of length 4 or 2 for actions/);
		expect(() => decoder.decode(new Float32Array(4), 2, 4)).toThrow(/Uint8Array of length 4 or 2 for actions/);
		expect(() => decoder.decode(Uint8Array.of(0, 27, 0, 0), 2, 4)).toThrow(/from 0 to 26 for actions\[1\]/);
	});
});

describe('an environment with the second control weight-decay', () => {
	const secondControl = 'weight-decay';
	const levels = float32(WEIGHT_DECAY_LEVELS);
	function make(options: Partial<TrainingEnvironmentOptions> = {}) {
		const { factory, opened } = fakePopulations();
		const environment = new TrainingEnvironment({ task: fakeTask(), population: factory, secondControl, ...options });
		return { environment, opened };
	}

	it('gives the population both, layer by layer, and shows the category of the learning rate', () => {
		const { environment, opened } = make();
		environment.reset();
		const { observations } = environment.step(Uint8Array.of(4, 5 + 9, 6 + 18, 2, 1 + 9, 0 + 18));
		const rates = [0.01, 0.0125, 0.02, 0.05, 0.03, 0.01];
		for (const [i, rate] of rates.entries()) expect(opened[0]!.learningRates[0]![i]).toBeCloseTo(rate, 7);
		expect([...opened[0]!.controls[0]!.weightDecays!]).toEqual([...levels, ...levels]);
		expect(opened[0]!.controls[0]!.momenta).toBeUndefined();
		const at = observationNames.indexOf('previousAction');
		const shown = Array.from({ length: 6 }, (_, row) => observations[row * OBSERVATION_SIZE + at]);
		expect(shown).toEqual([0, 0.25, 0.5, -0.5, -0.75, -1]);
	});

	it('gives all layers one level where one agent acts', () => {
		const { environment, opened } = make({ granularity: 'network' });
		environment.reset();
		environment.step(Uint8Array.of(4 + 9, 4 + 18));
		const [, one, two] = levels as [number, number, number];
		expect([...opened[0]!.controls[0]!.weightDecays!]).toEqual([one, one, one, two, two, two]);
	});

	it('is driven by a policy to the same course, whichever way its actions are applied', () => {
		const snapshot = randomSnapshot(policySpec({ actions: 27, secondControl }));
		for (const [i, value] of snapshot.parameters.entries()) snapshot.parameters[i] = 3 * value; // decided, so that choices differ
		const controller = new PolicyController(snapshot);
		const [decided, acted] = [make({ secondControl: 'none' }), make()];
		const outcome = runEpisode({ environment: decided.environment, controller });
		acted.environment.reset();
		for (let k = 0; k < 4; k++) {
			const { actions, ...set } = controller.decide(acted.environment.context);
			const joint = actions!.map((action, i) => action + 9 * levels.indexOf(set.weightDecays![i]!));
			acted.environment.step(joint);
		}
		expect(acted.opened[0]!.controls).toEqual(decided.opened[0]!.controls);
		expect(acted.environment.context.validationLoss).toEqual(outcome.finalValidationLoss);
		expect(new Set(acted.opened[0]!.controls.flatMap((controls) => [...controls!.weightDecays!])).size).toBeGreaterThan(
			1,
		);
	});

	it('refuses agents that know learning rates only', () => {
		expect(() => make({ observation: 'network-v1' })).toThrow(/'none' for secondControl/);
		expect(() => make({ secondControl: 'temperature' as 'none' })).toThrow(/for secondControl/);
		const { environment } = make();
		environment.reset();
		expect(() => environment.step(new Uint8Array(6).fill(27))).toThrow(/from 0 to 26 for actions\[0\]/);
		expect(environment.context.learningRates).toEqual(environment.context.initialLearningRates);
	});
});

describe('an environment without a second control', () => {
	it('gives the population learning rates alone', () => {
		const { factory, opened } = fakePopulations();
		const environment = new TrainingEnvironment({ task: fakeTask(), population: factory });
		environment.reset();
		environment.step(new Uint8Array(6).fill(4));
		environment.stepWithLearningRates(new Float32Array(6).fill(0.1));
		environment.stepWithLearningRates({ learningRates: new Float32Array(6).fill(0.1) });
		expect(opened[0]!.controls).toEqual([undefined, undefined, undefined]);
		expect(() => environment.step(new Uint8Array(6).fill(9))).toThrow(/from 0 to 8/);
	});

	it('takes what a controller sets, and says what is wrong with it', () => {
		const { factory, opened } = fakePopulations();
		const environment = new TrainingEnvironment({ task: fakeTask(), population: factory });
		environment.reset();
		const learningRates = new Float32Array(6).fill(0.1);
		const weightDecays = Float32Array.of(0, 0.1, 0.2, 0.3, 0.4, 0.5);
		const momenta = new Float32Array(6).fill(0.5);
		environment.stepWithLearningRates({ learningRates, weightDecays, momenta });
		expect(opened[0]!.controls).toEqual([{ learningRates, weightDecays, momenta }]);
		const step = (controls: object) => () =>
			environment.stepWithLearningRates({ learningRates, ...controls } as { learningRates: Float32Array });
		expect(step({ momenta: new Float32Array(6).fill(1.5) })).toThrow(/numbers from 0 to 1 for momenta\[0\]/);
		expect(step({ weightDecays: new Float32Array(6).fill(-1) })).toThrow(/weightDecays\[0\]/);
		expect(step({ weightDecays: new Float32Array(5) })).toThrow(/length 6 \(networks × layers\) for weightDecays/);
		expect(step({ learningRates: undefined })).toThrow(/length 6 for learningRates/);
		expect(() => environment.stepWithLearningRates(0.1 as never)).toThrow(/for controls/);
	});
});

function task(algorithm: TrainingTask['optimizer']['algorithm'], hyperparameters = {}): TrainingTask {
	const { shape, classes } = syntheticDataset();
	return {
		index: 0,
		spec: {
			input: shape,
			layers: [
				{ type: 'dense', units: 8, activation: 'relu' },
				{ type: 'dense', units: 8, activation: 'tanh' },
				{ type: 'dense', units: classes },
			],
		},
		optimizer: { algorithm, hyperparameters },
		batchSize: 8,
		horizon: 20,
		interval: 10,
		sliceSize: 64,
		validationSize: 32,
		networks: [0.01, 0.03].map((learningRate, n) => ({ seed: 20 + n, learningRate })),
	};
}

describe('networks under a second control', () => {
	const dataset = syntheticDataset();
	const open = (options: Pick<TrainingEnvironmentOptions, 'task' | 'secondControl'>) =>
		new TrainingEnvironment({ dataset, device: TEST_DEVICE, ...options });

	/** Parameters after an episode of one action all along. */
	function train(options: Parameters<typeof open>[0], action: number): Float32Array[] {
		using environment = open(options);
		environment.reset();
		for (let k = 0; k < 2; k++) environment.step(new Uint8Array(6).fill(action));
		return [0, 1].map((network) => environment.parameters(network)!);
	}

	it.each(['sgd', 'adam', 'adamw'] as const)('are those whose optimiser decays so, bit for bit: %s', (algorithm) => {
		const seen = new Set<string>();
		for (const [level, value] of WEIGHT_DECAY_LEVELS.entries()) {
			const controlled = train({ task: task(algorithm), secondControl: 'weight-decay' }, level * 9 + 4);
			expect(controlled).toEqual(train({ task: task(algorithm, { weightDecay: Math.fround(value) }) }, 4));
			seen.add(controlled.join());
		}
		expect(seen.size).toBe(3);
	});

	it('get another value in every layer', () => {
		using environment = open({ task: task('adamw'), secondControl: 'weight-decay' });
		environment.reset();
		environment.step(Uint8Array.of(4, 13, 22, 22, 4, 13));
		const own = task('adamw');
		const population = populationFactory({ dataset, device: TEST_DEVICE })(own, Uint32Array.of(20, 21));
		const learningRates = Float32Array.of(0.01, 0.01, 0.01, 0.03, 0.03, 0.03);
		const weightDecays = Float32Array.of(0, 1e-3, 1e-2, 1e-2, 0, 1e-3);
		population.train(10, { learningRates, weightDecays }, populationOutput(population as never, 10));
		for (const network of [0, 1]) expect(environment.parameters(network)).toEqual(population.parameters?.(network));
		population.dispose();
	});
});
