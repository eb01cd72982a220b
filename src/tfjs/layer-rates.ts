import { checkNumber, invalidArgument } from '../arguments.js';
import { registeredVariables } from './variables/registered-variables.js';
import type { VariableLayer } from './variables/variable-layers.js';

/** The constant learning rates of an optimiser that no controller drives: one for all layers, and those that single layers have of their own. */
export class LayerRates {
	readonly #layerOf: (variableName: string) => string;
	#common: number;
	#own: ReadonlyMap<string, number> = new Map();
	/** What a controller that was taken away had set last. */
	#held: ReadonlyMap<string, number> = new Map();

	constructor(common: number, layerOf: (variableName: string) => string) {
		this.#common = common;
		this.#layerOf = layerOf;
	}

	/** Of layers without one of their own. */
	get common(): number {
		return this.#common;
	}

	/** @throws GannoError `INVALID_ARGUMENT` */
	set common(value: number) {
		this.#common = checkNumber(value, 'learningRate', 0);
		this.#held = new Map();
	}

	/**
	 * @param rates in place of all that layers had of their own
	 * @param layers of the last step, if any
	 * @throws GannoError `INVALID_ARGUMENT`; nothing has changed then
	 */
	setOwn(rates: unknown, layers: readonly VariableLayer[] | undefined): void {
		if (Object.prototype.toString.call(rates) !== '[object Object]') {
			throw invalidArgument('an object of learning rates by layer name', 'rates', rates); // a Map would be taken for an empty one
		}
		const given = new Map(
			Object.entries(rates as object).map(([name, rate]) => [name, checkNumber(rate, `rates['${name}']`, 0)]),
		);
		if (layers !== undefined) this.#check(layers, given);
		this.#own = given;
		this.#held = new Map();
	}

	/** Layers stay at these rates until others are set. */
	hold(layerNames: readonly string[], rates: Float32Array): void {
		this.#own = new Map();
		this.#held = new Map(layerNames.map((name, l) => [name, rates[l] as number]));
	}

	of(layer: string): number {
		return this.#own.get(layer) ?? this.#held.get(layer) ?? this.#common;
	}

	/** @throws GannoError `INVALID_ARGUMENT` where a layer that nobody has was given a rate of its own */
	checkNames(layers: readonly VariableLayer[]): void {
		this.#check(layers, this.#own);
	}

	/** A layer may be one that takes no part in this step: another set's, or frozen. */
	#check(layers: readonly VariableLayer[], rates: ReadonlyMap<string, number>): void {
		const unknown = [...rates.keys()].filter((name) => !layers.some((layer) => layer.name === name));
		if (unknown.length === 0) return;
		const others = new Set(registeredVariables().map(({ name }) => this.#layerOf(name)));
		const nobody = unknown.find((name) => !others.has(name));
		if (nobody === undefined) return;
		throw invalidArgument(
			`one of the layers ${layers.map(({ name }) => name).join(', ')}`,
			'a layer with a learning rate of its own',
			nobody,
		);
	}
}
