import { describe, expect, it } from 'vitest';
import { createLearner } from '../src/agents/learner.js';
import type { PpoSettings } from '../src/agents/ppo-settings.js';
import { type CueOptions, cueSpec, meanReward, playCues } from './support/cue-tasks.js';

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
