import type * as tf from '@tensorflow/tfjs';

/**
 * tfjs's naming. A layer without a name is named after its class and a counter (`dense_Dense3`); its weights are `dense_Dense3/kernel`, and
 * `dense_Dense3/kernel_1` where that name exists in this process already; a `tf.variable` without a name is named by a number.
 */

/** Which layer a variable belongs to, by its name: `dense_Dense1/kernel` is of `dense_Dense1`. A name without a slash is a layer. */
export function layerOfVariable(name: string): string {
	const slash = name.lastIndexOf('/');
	return slash <= 0 ? name : name.slice(0, slash);
}

const SUFFIX = /(?<=.)_([1-9]\d*)$/;

/** `a/kernel_2` → `a/kernel` */
export function withoutSuffix(name: string): string {
	return name.replace(SUFFIX, '');
}

/** `a/kernel_2` → 2, `a/kernel` → 0: weights of one name are numbered as they are made. */
export function suffixNumber(name: string): number {
	return Number(SUFFIX.exec(name)?.[1] ?? 0);
}

/** Whether a `tf.variable` was made without a name. */
function isUnnamed(name: string): boolean {
	return /^\d+$/.test(name);
}

/**
 * Warns once that biases without a name count as layers of their own. A weight matrix without a name is a layer too, which is right where
 * there is no bias.
 * @returns whether it warned
 */
export function warnOfUnnamed(variables: readonly tf.Variable[]): boolean {
	const unnamed = variables.filter(({ name }) => isUnnamed(name));
	if (variables.length < 2 || !unnamed.some(({ rank }) => rank < 2)) return false;
	const shown = unnamed.slice(0, 5).map(({ name, shape }) => `'${name}' [${shape.join(', ')}]`);
	process.emitWarning(
		`Variables without a name are layers of their own, biases too: ${shown.join(', ')}` +
			`${unnamed.length > 5 ? ` and ${unnamed.length - 5} more` : ''}. A layer's variables share one learning rate; name them ` +
			"'layer/kernel' and 'layer/bias' (tf.variable(value, true, 'hidden/kernel')), or give the option layerOf",
		{ type: 'GannoWarning', code: 'GANNO_UNNAMED_VARIABLES' },
	);
	return true;
}

const LAYER_NUMBER = /(?<=(?:^|\/)[a-z]\w*_[A-Z][A-Za-z0-9]*?)\d+(?=\/)/g;

/**
 * A name without the numbers that tfjs put there: equal for the same variable of a model that is built again. Undefined for a
 * name that the user chose.
 */
export function automaticName(name: string): string | undefined {
	if (isUnnamed(name)) return '';
	const base = name.includes('/') ? withoutSuffix(name) : name;
	const numberless = base.replace(LAYER_NUMBER, '');
	return numberless === base ? undefined : numberless;
}
