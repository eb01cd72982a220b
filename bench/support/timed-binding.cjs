/**
 * The addon with a stopwatch round every method of every class, at the very edge of native code. The addon's own prototypes cannot be
 * changed, so this module stands in for it: the package loads whatever GANNO_BINDING names. CommonJS, as the package requires it.
 */
const { join } = require('node:path');

const { root, watch } = globalThis[Symbol.for('ganno.bench.timed-binding')];
const addon = require(join(root, 'build', 'Release', 'ganno.node'));

function timed(original) {
	const subclass = class extends original {};
	for (const name of Object.getOwnPropertyNames(original.prototype)) {
		const method = Object.getOwnPropertyDescriptor(original.prototype, name)?.value;
		if (name === 'constructor' || typeof method !== 'function') continue;
		Object.defineProperty(subclass.prototype, name, {
			value(...parameters) {
				watch.enter();
				try {
					return method.apply(this, parameters);
				} finally {
					watch.leave();
				}
			},
		});
	}
	return subclass;
}

module.exports = Object.fromEntries(
	Object.entries(addon).map(([name, value]) => {
		const isClass = typeof value === 'function' && /^[A-Z]/.test(name);
		return [name, isClass ? timed(value) : value];
	}),
);
