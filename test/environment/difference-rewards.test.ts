import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { CounterfactualPopulation } from '../../src/environment/counterfactuals.js';
import { TrainingEnvironment } from '../../src/environment/training-environment.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { fakePopulations, fakeTask } from '../support/fake-population.js';
import { TEST_DEVICE } from '../support/test-device.js';

const dataset = syntheticDataset({ noise: 80 });

const TASK: TrainingTask = {
	index: 0,
	spec: {
		input: dataset.shape,
		layers: [
			{ type: 'dense', units: 12, activation: 'relu' },
			{ type: 'dropout', rate: 0.2 },
			{ type: 'dense', units: 8, activation: 'tanh' },
			{ type: 'dense', units: dataset.classes },
		],
	},
	optimizer: { algorithm: 'adam' },
	batchSize: 16,
	horizon: 24,
	interval: 6,
	sliceSize: 100,
	validationSize: 60,
	networks: [0.003, 0.02].map((learningRate, n) => ({ seed: 7 + n, learningRate })),
};
const LAYERS = 3;

type Choice = (decision: number, network: number, agent: number) => number;

const varied: Choice = (decision, network, agent) => 2 + ((decision * 5 + network + 2 * agent) % 5);

/** An episode: after every decision the observations, rewards and validation losses. */
function play(reward: 'difference' | 'log-improvement', choose: Choice, agents: 'layerwise' | 'one' = 'layerwise') {
	using environment = new TrainingEnvironment({
		dataset,
		task: TASK,
		reward,
		agents,
		action: 'compounding',
		device: TEST_DEVICE,
	});
	const steps = [];
	environment.reset();
	for (let decision = 0, done = false; !done; decision++) {
		const actions = Uint8Array.from({ length: environment.networks * environment.agents }, (_, i) =>
			choose(decision, Math.floor(i / environment.agents), i % environment.agents),
		);
		const result = environment.step(actions);
		const { observations, rewards, infos } = result;
		steps.push({ observations: [...observations], rewards: [...rewards], losses: [...infos.validationLoss] });
		done = result.done;
	}
	const test = new Float32Array(environment.networks * 2);
	environment.evaluate('test', test);
	return { steps, test: [...test] };
}

describe('the reward difference', () => {
	it('changes nothing of the episode: the forks are never continued', () => {
		const plain = play('log-improvement', varied);
		const forked = play('difference', varied);
		expect(forked.steps.map(({ observations }) => observations)).toEqual(
			plain.steps.map(({ observations }) => observations),
		);
		expect(forked.steps.map(({ losses }) => losses)).toEqual(plain.steps.map(({ losses }) => losses));
		expect(forked.test).toEqual(plain.test);
	});

	it('is what the loss would have been had the agent done nothing, on the same batches', () => {
		const { steps } = play('difference', varied);
		for (let decision = 0; decision < steps.length; decision++) {
			for (let agent = 0; agent < LAYERS; agent++) {
				// The same episode up to here, then this agent leaves its learning rate alone: an independent run of each fork.
				const other = play('log-improvement', (d, n, a) => (d === decision && a === agent ? 4 : varied(d, n, a)));
				for (let n = 0; n < 2; n++) {
					const without = other.steps[decision]!.losses[n]!;
					const expected = Math.log(without) - Math.log(steps[decision]!.losses[n]!);
					expect(steps[decision]!.rewards[n * LAYERS + agent]).toBeCloseTo(expected, 6);
				}
			}
		}
		const distinct = new Set(steps.flatMap(({ rewards }) => rewards));
		expect(distinct.size).toBeGreaterThan(10);
	});

	it('is 0 for an agent that does nothing', () => {
		const { steps } = play('difference', (decision, network, agent) =>
			agent === 1 ? 4 : varied(decision, network, agent),
		);
		for (const { rewards } of steps) expect([rewards[1], rewards[LAYERS + 1]]).toEqual([0, 0]);
	});

	it('compares one agent for all layers with leaving all of them alone', () => {
		const { steps } = play('difference', (decision) => (decision === 0 ? 8 : 4), 'one');
		const still = play('log-improvement', () => 4, 'one');
		const expected = [0, 1].map((n) => Math.log(still.steps[0]!.losses[n]!) - Math.log(steps[0]!.losses[n]!));
		for (const [n, value] of expected.entries()) expect(steps[0]!.rewards[n]).toBeCloseTo(value, 6);
		for (const { rewards } of steps.slice(1)) expect(rewards).toEqual([0, 0]);
	});

	it('needs a population that can fork, and frees the one it cannot use', () => {
		const { factory, opened } = fakePopulations();
		const task = fakeTask();
		const open = () => new CounterfactualPopulation(factory, task, Uint32Array.of(1, 2), 3);
		expect(open).toThrow(/Expected a function \(the reward difference forks networks\) for population.fork/);
		expect(opened.map(({ networks, disposed }) => [networks, disposed])).toEqual([[8, true]]);
	});
});
