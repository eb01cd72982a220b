import { checkNumber, invalidArgument } from '../arguments.js';
import { registeredVariables } from './variables/registered-variables.js';
import type { VariableLayer } from './variables/variable-layers.js';

/** The constant learning rates of an optimiser without a controller: a default, and rates of single layers. */
export class LayerRates {
	readonly #layerOf: (variableName: string) => string;
	#defaultRate: number;
	#layerRates: ReadonlyMap<string, number> = new Map();
	/** Last learning rates of a controller that was removed. */
	#fixed: ReadonlyMap<string, number> = new Map();

	constructor(defaultRate: number, layerOf: (variableName: string) => string) {
		this.#defaultRate = defaultRate;
		this.#layerOf = layerOf;
	}

	/** Of layers without a rate of their own. */
	get common(): number {
		return this.#defaultRate;
	}

	/** @throws GannoError `INVALID_ARGUMENT` */
	set common(value: number) {
		this.#defaultRate = checkNumber(value, 'learningRate', 0);
		this.#fixed = new Map();
	}

	/**
	 * @param rates replace all rates of single layers
	 * @param layers of the last step, if any
	 * @throws GannoError `INVALID_ARGUMENT`; nothing has changed then
	 */
	setLayerRates(rates: unknown, layers: readonly VariableLayer[] | undefined): void {
		if (Object.prototype.toString.call(rates) !== '[object Object]') {
			throw invalidArgument('an object of learning rates by layer name', 'rates', rates); // a Map would be taken for an empty one
		}
		const layerRates = new Map(
			Object.entries(rates as object).map(([name, rate]) => [name, checkNumber(rate, `rates['${name}']`, 0)]),
		);
		if (layers !== undefined) this.#check(layers, layerRates);
		this.#layerRates = layerRates;
		this.#fixed = new Map();
	}

	/** Fixes the layers at these rates until others are set. */
	fix(layerNames: readonly string[], rates: Float32Array): void {
		this.#layerRates = new Map();
		this.#fixed = new Map(layerNames.map((name, l) => [name, rates[l] as number]));
	}

	of(layer: string): number {
		return this.#layerRates.get(layer) ?? this.#fixed.get(layer) ?? this.#defaultRate;
	}

	/** @throws GannoError `INVALID_ARGUMENT` for the rate of a layer that does not exist */
	checkNames(layers: readonly VariableLayer[]): void {
		this.#check(layers, this.#layerRates);
	}

	/** A layer may take no part in this step: it may be another set's, or frozen. */
	#check(layers: readonly VariableLayer[], rates: ReadonlyMap<string, number>): void {
		const unknown = [...rates.keys()].filter((name) => !layers.some((layer) => layer.name === name));
		if (unknown.length === 0) return;
		const others = new Set(registeredVariables().map(({ name }) => this.#layerOf(name)));
		const absent = unknown.find((name) => !others.has(name));
		if (absent === undefined) return;
		throw invalidArgument(
			`one of the layers ${layers.map(({ name }) => name).join(', ')}`,
			'a layer with a learning rate of its own',
			absent,
		);
	}
}
