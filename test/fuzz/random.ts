/** A small seeded generator: the same seed gives the same case, so that a crash can be had again. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** 32 bits; mulberry32, public domain (Tommy Ettinger). */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let bits = this.#state;
		bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
		bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
		return (bits ^ (bits >>> 14)) >>> 0;
	}

	/** From 0 to below `bound`. */
	below(bound: number): number {
		return this.next() % bound;
	}

	/** Once in `n` times. */
	oneIn(n: number): boolean {
		return this.below(n) === 0;
	}

	pick<T>(choices: readonly T[]): T {
		return choices[this.below(choices.length)] as T;
	}
}
