import { checkCapacity, checkInteger, invalidArgument } from '../arguments.js';
import { counted } from '../counted.js';
import { philox4x32, STREAMS } from '../philox.js';
import { checkSamplingOptions, type SamplingOptions } from './sampling.js';
import { deterministicExp, deterministicLog, deterministicTanh } from './transcendental.js';

/**
 * The continuous policy: one real number u ~ N(μ, σ²) per agent. The actor has two outputs, μ and one that determines σ:
 * ln σ = −1 + 2 tanh(x), so σ stays within [0.05, 2.7] and starts at 0.37 (the actor's last layer starts near 0). Its slope is
 * smooth and nonzero everywhere. The action rule defines what u means and where it is clipped; the density is that of u before clipping.
 */

/** Outputs of the actor. */
export const GAUSSIAN_OUTPUTS = 2;

const CENTRE = -1;
const REACH = 2;
const HALF_LOG_TWO_PI = 0.9189385332046727; // ln(2π) / 2

/** ln σ of the actor's second output. */
export function logDeviation(output: number): number {
	return CENTRE + REACH * deterministicTanh(output);
}

/** d ln σ / d output, given ln σ. */
export function logDeviationSlope(logSigma: number): number {
	const t = (logSigma - CENTRE) / REACH;
	return REACH * (1 - t * t);
}

/** ln of the density at a deviation of z standard deviations from the mean. */
export function gaussianLogDensity(z: number, logSigma: number): number {
	return -0.5 * z * z - logSigma - HALF_LOG_TWO_PI;
}

/** Differential entropy, in nats; negative for a narrow distribution. */
export function gaussianEntropy(logSigma: number): number {
	return 0.5 + HALF_LOG_TWO_PI + logSigma;
}

/**
 * Draws u per row, or takes μ with `greedy`. The normal deviate is Marsaglia's polar method over the uniforms that {@link sampleActions}
 * would use: Philox keyed by (exploration seed, stream 'exploration') at (block, agent, network seed, decision), and a logarithm of our
 * own, so a draw is the same on every machine.
 * @param outputs `[networks × agents × 2]`: μ and the output behind σ
 * @param actionsOut `[networks × agents]`, written
 * @param logProbabilitiesOut `[networks × agents]`, written: ln of the density of the number as stored
 */
export function sampleContinuousActions(
	outputs: Float32Array,
	options: Omit<SamplingOptions, 'actions'>,
	actionsOut: Float32Array,
	logProbabilitiesOut?: Float32Array,
): void {
	checkSamplingOptions(options);
	const { networks, agents, greedy = false, explorationSeed = 0, decision = 0, networkSeeds } = options;
	const rows = checkInteger(networks, 'networks', 0) * checkInteger(agents, 'agents', 1);
	checkCapacity(outputs, 'outputs', rows * GAUSSIAN_OUTPUTS, 'networks × agents × 2');
	checkCapacity(actionsOut, 'actionsOut', rows, 'networks × agents');
	if (!greedy && !(typeof networkSeeds === 'object' && networkSeeds?.length >= networks)) {
		throw invalidArgument(counted(networks, 'network seed'), 'networkSeeds', networkSeeds);
	}
	if (logProbabilitiesOut !== undefined) {
		checkCapacity(logProbabilitiesOut, 'logProbabilitiesOut', rows, 'networks × agents');
	}
	const shared = options.sharedExplorationNoise === true;
	for (let network = 0; network < networks; network++) {
		let noise = 0;
		for (let agent = 0; agent < agents; agent++) {
			const row = network * agents + agent;
			if (!greedy && (agent === 0 || !shared)) {
				noise = normalDeviate(explorationSeed, networkSeeds?.[network] as number, decision, agent);
			}
			const mean = outputs[row * GAUSSIAN_OUTPUTS] as number;
			const logSigma = logDeviation(outputs[row * GAUSSIAN_OUTPUTS + 1] as number);
			const sigma = deterministicExp(logSigma);
			actionsOut[row] = greedy ? mean : mean + sigma * noise;
			if (logProbabilitiesOut !== undefined) {
				const z = ((actionsOut[row] as number) - mean) / sigma; // of the number as it was rounded
				logProbabilitiesOut[row] = gaussianLogDensity(z, logSigma);
			}
		}
	}
}

const block = new Uint32Array(4);

function normalDeviate(seed: number, networkSeed: number, decision: number, agent: number): number {
	const key: [number, number] = [seed >>> 0, STREAMS.exploration];
	// A pair fails with probability 1 − π/4: after 64 blocks of two, with 10^−85.
	for (let counter = 0; counter < 64; counter++) {
		philox4x32(key, [counter, agent >>> 0, networkSeed >>> 0, decision >>> 0], block);
		for (let pair = 0; pair < 4; pair += 2) {
			const x = ((block[pair] as number) + 0.5) * 2 ** -31 - 1;
			const y = ((block[pair + 1] as number) + 0.5) * 2 ** -31 - 1;
			const s = x * x + y * y;
			if (s < 1) return x * Math.sqrt((-2 * deterministicLog(s)) / s);
		}
	}
	return 0;
}
