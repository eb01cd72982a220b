/**
 * Adam (Kingma & Ba 2015) over one flat array, in float64 arithmetic with float32 storage. Outside tfjs because its whole state is
 * then three arrays and two numbers that restore to the same bits, and because one loop over 12,000 parameters costs less than a
 * hundred small kernels.
 */
export interface Adam {
	readonly firstMoments: Float32Array;
	readonly secondMoments: Float32Array;
	/** β1^t and β2^t, multiplied up step by step. */
	powers: readonly [number, number];
	step(parameters: Float32Array, gradients: Float32Array, learningRate: number, gradientScale: number): void;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
/** "The 37 Implementation Details of PPO", detail 3: 1e-5 instead of Adam's 1e-8. */
const EPSILON = 1e-5;

export function createAdam(size: number): Adam {
	const firstMoments = new Float32Array(size);
	const secondMoments = new Float32Array(size);
	return {
		firstMoments,
		secondMoments,
		powers: [1, 1],
		step(parameters, gradients, learningRate, gradientScale) {
			this.powers = [this.powers[0] * BETA1, this.powers[1] * BETA2];
			const correction1 = 1 / (1 - this.powers[0]);
			const correction2 = 1 / (1 - this.powers[1]);
			for (let i = 0; i < size; i++) {
				const gradient = (gradients[i] as number) * gradientScale;
				const first = BETA1 * (firstMoments[i] as number) + (1 - BETA1) * gradient;
				const second = BETA2 * (secondMoments[i] as number) + (1 - BETA2) * gradient * gradient;
				firstMoments[i] = first;
				secondMoments[i] = second;
				parameters[i]! -= (learningRate * first * correction1) / (Math.sqrt(second * correction2) + EPSILON);
			}
		},
	};
}

/** L2 norm over all parameters, in float64. */
export function globalNorm(gradients: Float32Array): number {
	let squares = 0;
	for (let i = 0; i < gradients.length; i++) squares += (gradients[i] as number) * (gradients[i] as number);
	return Math.sqrt(squares);
}
