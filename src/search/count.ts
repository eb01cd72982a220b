import {
	actionsOf,
	bucketOf,
	checkSpace,
	nextState,
	type SearchSpace,
	startState,
	stateKey,
	windowFits,
} from './space.js';

/**
 * The number of architectures, exactly: sequences of layers that end in the softmax. By dynamic programming over (depth, true size,
 * whether pooling may follow), with multiplicities in place of the layers themselves. It applies the rules without `actionsOf`, so
 * that the enumeration by `actionsOf` checks both.
 */
export function countArchitectures(space: SearchSpace): bigint {
	checkSpace(space);
	const { maximumDepth, denseUnits, pools } = space;
	const known = new Map<string, bigint>();

	/** Continuations after `count` dense layers, the last of `units`: sequences of units that do not grow. */
	function afterDense(depth: number, count: number, units: number): bigint {
		if (depth >= maximumDepth || count >= space.maximumDense) return 1n;
		let continuations = 1n;
		for (const next of denseUnits) if (next <= units) continuations += afterDense(depth + 1, count + 1, next);
		return continuations;
	}

	function afterImage(depth: number, size: number, mayPool: boolean): bigint {
		if (depth >= maximumDepth) return 1n;
		const key = `${depth} ${size} ${mayPool}`;
		const before = known.get(key);
		if (before !== undefined) return before;
		const bucket = bucketOf(space, size);
		const kernels = space.kernelSizes.filter((kernel) => windowFits(space, kernel, bucket)).length;
		let continuations = space.globalAveragePooling ? 2n : 1n;
		if (kernels > 0 && space.filters.length > 0) {
			for (const stride of space.strides) {
				continuations += BigInt(kernels * space.filters.length) * afterImage(depth + 1, Math.ceil(size / stride), true);
			}
		}
		for (const [window, stride] of mayPool ? pools : []) {
			if (!windowFits(space, window, bucket)) continue;
			const pooled = Math.ceil((size - window + 1) / stride);
			continuations += afterImage(depth + 1, pooled, space.consecutivePooling);
		}
		if (bucket <= space.denseMaximumSize && space.maximumDense > 0) {
			for (const units of denseUnits) continuations += afterDense(depth + 1, 1, units);
		}
		known.set(key, continuations);
		return continuations;
	}

	return afterImage(0, space.imageSize, space.initialPooling);
}

/** The number of states that an agent can reach, with sizes bucketed as it observes them; the input counts, the end does not. */
export function countStates(space: SearchSpace): number {
	checkSpace(space);
	const seen = new Set<string>();
	const keys = new Set<string>();
	const pending = [startState(space)];
	for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
		if (state.layer?.type === 'softmax') continue;
		const key = stateKey(space, state);
		// The true size determines the next states, so each true size is followed.
		const exact = `${key} ${state.size}`;
		if (seen.has(exact)) continue;
		seen.add(exact);
		keys.add(key);
		for (const action of actionsOf(space, state)) pending.push(nextState(state, action));
	}
	return keys.size;
}
