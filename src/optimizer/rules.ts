/** Every rule: what there is to know of it, and its formula in float64, an element at a time. Formulas and sources: docs/algorithms.md. */

export interface ResolvedHyperparameters {
	readonly beta1: number;
	readonly beta2: number;
	readonly epsilon: number;
	readonly momentum: number;
	readonly rho: number;
	readonly weightDecay: number;
	readonly trustCoefficient: number;
}

/** Those that formulas use; learning rate, weight decay and momentum are controls. */
type Constants = Omit<ResolvedHyperparameters, 'momentum' | 'weightDecay'>;

export interface ElementState {
	parameter: number;
	moment1: number;
	moment2: number;
}

export interface LayerControls {
	readonly learningRate: number;
	readonly weightDecay: number;
	readonly momentum: number;
	/** Which step of this array this is: 1 for the first. */
	readonly step: number;
	/** Multiplies the scaled gradient. */
	readonly clip: number;
	/** LARS, LAMB: 1 for layers that do not adapt. */
	readonly trust: number;
}

type Formula<Result> = (
	constants: Constants,
	controls: LayerControls,
	/** Scaled and clipped. */
	gradient: number,
	old: ElementState,
) => Result;

/** A ratio of norms, of a layer's parameters and of what they are compared with, that multiplies the step. */
interface TrustRatio {
	/** One element of what the parameters are compared with; the gradient is without weight decay. */
	readonly direction: Formula<number>;
	/** Norms are above 0; where one is not, the ratio is 1. */
	readonly ratio: (parameterNorm: number, directionNorm: number, constants: Constants, weightDecay: number) => number;
	/** Whether the ratio counts the weight decay of the layer, so that all of its arrays must have the same. */
	readonly countsDecay?: boolean;
}

/** As `RuleTraits` of native/core/optimizer_rule.h; what is left out is false. */
export interface Rule {
	/** Those it takes, with their defaults: PyTorch's where it has the rule. */
	readonly hyperparameters: Partial<ResolvedHyperparameters>;
	/** Moment arrays it keeps beside the parameters. */
	readonly moments: 0 | 1 | 2;
	/** Whether the first of them is a velocity or a mean of gradients. Moment statistics of the others describe the gradient. */
	readonly firstMoment?: boolean;
	/** Whether its moments are corrected for their start at 0. */
	readonly correctsBias?: boolean;
	/** Whether it applies weight decay itself; else that is in the gradient it gets. */
	readonly decoupledDecay?: boolean;
	/** One element's step: the new state, before it is rounded to float32. */
	readonly step: Formula<ElementState>;
	readonly trust?: TrustRatio;
}

/** Trust ratios, and LAMB's learning rate times its own, are at most this. */
const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127;

/**
 * The mean of gradients m + (1 − β₁)(g − m), as torch.lerp computes it: where β₁ ≤ 0.5 from the side of g, so that a g which is small
 * beside m is not lost, and is all there is where β₁ = 0.
 */
export function lerpMoment(beta1: number, moment: number, gradient: number): number {
	const way = gradient - moment;
	return beta1 <= 0.5 ? gradient - beta1 * way : moment + (1 - beta1) * way;
}

function mixMoments(
	{ beta1, beta2 }: Constants,
	gradient: number,
	old: ElementState,
): Pick<ElementState, 'moment1' | 'moment2'> {
	return {
		moment1: lerpMoment(beta1, old.moment1, gradient),
		moment2: beta2 * old.moment2 + (1 - beta2) * gradient * gradient,
	};
}

const stepSgd: Formula<ElementState> = (_, { learningRate }, gradient, old) => ({
	...old,
	parameter: old.parameter - learningRate * gradient,
});

const stepMomentum: Formula<ElementState> = (_, { learningRate, momentum }, gradient, old) => {
	const velocity = momentum * old.moment1 + gradient;
	return { ...old, parameter: old.parameter - learningRate * velocity, moment1: velocity };
};

const stepNesterov: Formula<ElementState> = (_, { learningRate, momentum }, gradient, old) => {
	const velocity = momentum * old.moment1 + gradient;
	const direction = gradient + momentum * velocity;
	return { ...old, parameter: old.parameter - learningRate * direction, moment1: velocity };
};

const stepRmsprop: Formula<ElementState> = ({ rho, epsilon }, { learningRate }, gradient, old) => {
	const average = rho * old.moment1 + (1 - rho) * gradient * gradient;
	const direction = gradient / (Math.sqrt(average) + epsilon);
	return { ...old, parameter: old.parameter - learningRate * direction, moment1: average };
};

const stepAdam: Formula<ElementState> = (constants, { learningRate, step }, gradient, old) => {
	const { moment1, moment2 } = mixMoments(constants, gradient, old);
	const corrected1 = moment1 / (1 - constants.beta1 ** step);
	const corrected2 = moment2 / (1 - constants.beta2 ** step);
	const direction = (learningRate * corrected1) / (Math.sqrt(corrected2) + constants.epsilon);
	return { parameter: old.parameter - direction, moment1, moment2 };
};

const stepAdamW: Formula<ElementState> = (constants, controls, gradient, old) =>
	stepAdam(constants, controls, gradient, {
		...old,
		parameter: old.parameter * (1 - controls.learningRate * controls.weightDecay),
	});

const stepLion: Formula<ElementState> = ({ beta1, beta2 }, { learningRate, weightDecay }, gradient, old) => {
	const sign = Math.sign(beta1 * old.moment1 + (1 - beta1) * gradient);
	const parameter = old.parameter * (1 - learningRate * weightDecay) - learningRate * sign;
	return { ...old, parameter, moment1: beta2 * old.moment1 + (1 - beta2) * gradient };
};

const stepLars: Formula<ElementState> = (_, { learningRate, momentum, trust }, gradient, old) => {
	const velocity = momentum * old.moment1 + trust * gradient;
	return { ...old, parameter: old.parameter - learningRate * velocity, moment1: velocity };
};

/** LAMB's r of one element; NaN where a moment is beyond float32. */
const lambDirection: Formula<number> = (constants, { step, weightDecay }, gradient, old) => {
	const { moment1, moment2 } = mixMoments(constants, gradient, old);
	if (![moment1, moment2].every((moment) => Number.isFinite(Math.fround(moment)))) return Number.NaN;
	const corrected1 = moment1 / (1 - constants.beta1 ** step);
	const corrected2 = moment2 / (1 - constants.beta2 ** step);
	return corrected1 / (Math.sqrt(corrected2) + constants.epsilon) + weightDecay * old.parameter;
};

const stepLamb: Formula<ElementState> = (constants, controls, gradient, old) => {
	const direction = lambDirection(constants, controls, gradient, old);
	return {
		parameter: old.parameter - Math.min(controls.learningRate * controls.trust, LARGEST_FLOAT) * direction,
		...mixMoments(constants, gradient, old),
	};
};

const rules = {
	sgd: {
		hyperparameters: { weightDecay: 0 },
		moments: 0,
		step: stepSgd,
	},
	momentum: {
		hyperparameters: { momentum: 0.9, weightDecay: 0 },
		moments: 1,
		firstMoment: true,
		step: stepMomentum,
	},
	nesterov: {
		hyperparameters: { momentum: 0.9, weightDecay: 0 },
		moments: 1,
		firstMoment: true,
		step: stepNesterov,
	},
	rmsprop: {
		hyperparameters: { rho: 0.99, epsilon: 1e-8, weightDecay: 0 },
		moments: 1,
		step: stepRmsprop,
	},
	adam: {
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
		moments: 2,
		firstMoment: true,
		correctsBias: true,
		step: stepAdam,
	},
	adamw: {
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
		moments: 2,
		firstMoment: true,
		correctsBias: true,
		decoupledDecay: true,
		step: stepAdamW,
	},
	lion: {
		hyperparameters: { beta1: 0.9, beta2: 0.99, weightDecay: 0 },
		moments: 1,
		firstMoment: true,
		decoupledDecay: true,
		step: stepLion,
	},
	lars: {
		hyperparameters: { momentum: 0.9, trustCoefficient: 0.001, epsilon: 1e-8, weightDecay: 0 },
		moments: 1,
		firstMoment: true,
		step: stepLars,
		trust: {
			direction: (_, __, gradient) => gradient,
			ratio: (parameterNorm, directionNorm, { trustCoefficient, epsilon }, weightDecay) => {
				const compared = directionNorm + weightDecay * parameterNorm + epsilon;
				return Math.min((trustCoefficient * parameterNorm) / compared, LARGEST_FLOAT);
			},
			countsDecay: true,
		},
	},
	lamb: {
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-6, weightDecay: 0 },
		moments: 2,
		firstMoment: true,
		correctsBias: true,
		decoupledDecay: true,
		step: stepLamb,
		trust: {
			direction: lambDirection,
			ratio: (parameterNorm, directionNorm) => parameterNorm / directionNorm,
		},
	},
} satisfies Record<string, Rule>;

/** In the order of `enum class Algorithm` (native/core/optimizer_rule.h): append, never reorder. */
export const RULES: Readonly<Record<keyof typeof rules, Rule>> = rules;

export function usesMomentum(algorithm: keyof typeof RULES): boolean {
	return 'momentum' in RULES[algorithm].hyperparameters;
}
