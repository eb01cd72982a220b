import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import type { Controller } from '../../src/environment/controller.js';
import { runEpisode } from '../../src/environment/episode.js';
import { TrainingEnvironment } from '../../src/environment/training-environment.js';
import { createLearner } from '../../src/learner/learner.js';
import type { PpoSettings } from '../../src/learner/ppo-settings.js';
import type { Trajectory } from '../../src/learner/trajectory.js';
import { PhiloxGenerator } from '../../src/philox.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { type CueOptions, cueSpec, meanReward, playCues } from '../support/cue-tasks.js';
import { fakePopulations, fakeTask } from '../support/fake-population.js';
import { policySpec } from '../support/policies.js';

/** That it learns, apart from the hard problem: games whose best return is known. */

async function train(
	network: 'feed-forward' | 'recurrent',
	game: CueOptions,
	iterations: number,
	ppo: Partial<PpoSettings> = {},
	seed = 1,
): Promise<{ before: number; after: number; critic: number }> {
	const learner = await createLearner({ spec: cueSpec(network, 32), seed, iterations, ppo });
	const held = { ...game, greedy: true, networks: 64, endEarly: false };
	const before = meanReward(playCues(learner, held, 999), game.game);
	let critic = 0;
	for (let i = 0; i < iterations; i++) {
		const metrics = await learner.update([playCues(learner, game, 2 * i), playCues(learner, game, 2 * i + 1)]);
		critic = metrics.explainedVariance;
	}
	const after = meanReward(playCues(learner, held, 999), game.game);
	learner.dispose();
	return { before, after, critic };
}

describe('independent PPO with shared parameters', () => {
	const now: CueOptions = { game: 'now', networks: 16, agents: 4, decisions: 8, endEarly: true };

	it.each([
		['ippo', false],
		['ippo', true],
		['mappo', false],
	] as const)('learns a game without memory (%s, shared noise %s)', async (algorithm, sharedExplorationNoise) => {
		const { before, after } = await train('feed-forward', { ...now, sharedExplorationNoise }, 15, {
			algorithm,
			lambda: 0.5,
		});
		expect(before).toBeLessThan(0.6);
		expect(after).toBeGreaterThan(0.97);
	});

	it('learns a game that needs memory, with a recurrent network', async () => {
		const memory: CueOptions = { game: 'memory', networks: 32, agents: 3, decisions: 5 };
		const { before, after } = await train('recurrent', memory, 30, { lambda: 1 });
		expect(before).toBeLessThan(0.6);
		expect(after).toBeGreaterThan(0.97);
	});

	it('cannot learn that game without memory', async () => {
		const memory: CueOptions = { game: 'memory', networks: 32, agents: 3, decisions: 5 };
		const { after } = await train('feed-forward', memory, 20, { lambda: 1 });
		expect(after).toBeLessThan(0.6);
	});
});

describe('learning-rate control of networks one can follow by hand', () => {
	// Loss Σ w², w ← w (1 − 2η) per layer: ½ is perfect, above 1 it diverges, and the start is five decades wide.
	const dataset = syntheticDataset();
	/** ln V₀ − ln 1e-4, the losses' floor, with V₀ = 3 on average. */
	const BEST = Math.log(3) - Math.log(1e-4);
	const dense = { type: 'dense', units: 2 } as const;
	function task(index: number, networks: number): TrainingTask {
		const generator = new PhiloxGenerator(77, 'task', index);
		return fakeTask({
			index,
			spec: { input: [2, 2, 1], layers: [dense, dense, dense] },
			horizon: 40,
			interval: 4,
			networks: Array.from({ length: networks }, () => ({
				seed: generator.nextUint32(),
				learningRate: 10 ** generator.uniform(-5.5, -0.5),
			})),
		});
	}

	// The recurrent one takes ten times as long; the game that needs memory stands for it otherwise.
	const networks = process.env.GANNO_TEST_FULL ? (['feed-forward', 'recurrent'] as const) : (['feed-forward'] as const);
	it.each(networks)('is learned through the whole stack (%s)', async (network) => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const iterations = network === 'recurrent' ? 40 : 32;
		const spec = policySpec({ network, hiddenUnits: 64 });
		const learner = await createLearner({ spec, seed: 1, iterations });
		let untrained: number | undefined;
		for (let i = 0; i < iterations; i++) {
			const trajectories: Trajectory[] = [];
			for await (const trajectory of executor.collect([task(i, 32)], learner.snapshot(), { explorationSeed: 1 })) {
				trajectories.push(trajectory);
			}
			const { meanReturn } = await learner.update(trajectories);
			untrained ??= meanReturn; // of the first, nearly uniform policy
		}
		const environment = new TrainingEnvironment({ task: task(1000, 64), population: fakePopulations().factory });
		const returnsOf = (controller: Controller): number => {
			const { returns } = runEpisode({ environment, controller, test: false });
			return returns.reduce((a, b) => a + b) / returns.length;
		};
		const learned = returnsOf(new PolicyController(learner.policy()));
		const nothing = returnsOf({ name: 'nothing', reset() {}, decide: ({ learningRates }) => ({ learningRates }) });
		environment.dispose();
		expect(learned).toBeGreaterThan(nothing + 3);
		expect(learned).toBeGreaterThan((untrained as number) + 3);
		expect(learned).toBeGreaterThan(0.9 * BEST);
	});
});
