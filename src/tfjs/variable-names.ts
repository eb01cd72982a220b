/**
 * What tfjs makes of names. A layer without a name is called by its class and a number that goes up (`dense_Dense3`); its weights are
 * `dense_Dense3/kernel`, and `dense_Dense3/kernel_1` where that name was given before in this process; a `tf.variable` without a name is
 * called by a number alone.
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

const LAYER_NUMBER = /(?<=(?:^|\/)[a-z]\w*_[A-Z][A-Za-z0-9]*?)\d+(?=\/)/g;

/**
 * A name without the numbers that tfjs put there: equal for the same variable of a model that is built once more. Undefined for a name
 * that is somebody's own.
 */
export function automaticName(name: string): string | undefined {
	if (/^\d+$/.test(name)) return '';
	const base = name.includes('/') ? withoutSuffix(name) : name;
	const numberless = base.replace(LAYER_NUMBER, '');
	return numberless === base ? undefined : numberless;
}
