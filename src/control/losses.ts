import { checkKeys, invalidArgument, keysOf } from '../arguments.js';

/** The losses that a training reports, and their checks. */

/** Losses of one mini-batch; the held-out loss where it was measured too. */
export interface Losses {
	readonly training: number;
	readonly validation?: number;
}

const LOSSES_KEYS = keysOf<Losses>({ training: true, validation: true });

/** Why `validationLoss` cannot be async, and what to do instead. */
export const ASYNC_ADVICE =
	'A decision cannot wait for it: await the loss beforehand and report it with those of the step, { training, validation }';

/** @returns a number; NaN is one. @throws GannoError `INVALID_ARGUMENT`, with advice for promises and tensors */
function checkLoss(value: unknown, name: string, what = 'a number', ofPromise = 'Await it first'): number {
	if (typeof value === 'number') return value;
	const { then, dataSync } = (value ?? {}) as { readonly then?: unknown; readonly dataSync?: unknown };
	if (typeof then === 'function') throw invalidArgument(what, name, value, ofPromise);
	const ofTensor = typeof dataSync === 'function' ? 'Give the number in it: tensor.dataSync()[0]' : undefined;
	throw invalidArgument(what, name, value, ofTensor);
}

/** @param loss what `validationLoss` returned. @throws GannoError `INVALID_ARGUMENT` where that is not a number; NaN is one */
export function checkHeldOutLoss(loss: unknown): number {
	return checkLoss(loss, 'what validationLoss() returned', 'a number', `It returned a Promise. ${ASYNC_ADVICE}`);
}

/** @throws GannoError `INVALID_ARGUMENT` for a loss that is not a number; NaN is one */
export function readLosses(losses: unknown): { readonly [key in keyof Losses]?: Losses[key] | undefined } {
	if (losses === undefined) return {};
	if (typeof losses !== 'object' || losses === null || !('training' in losses || 'validation' in losses)) {
		return { training: checkLoss(losses, 'losses', 'a number or { training, validation? }') };
	}
	checkKeys(losses, 'losses', LOSSES_KEYS);
	const { training, validation } = losses as Losses;
	return {
		training: training === undefined ? undefined : checkLoss(training, 'losses.training'),
		validation: validation === undefined ? undefined : checkLoss(validation, 'losses.validation'),
	};
}
