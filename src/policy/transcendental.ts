/**
 * exp, log, tanh and sigmoid from additions, multiplications and divisions alone. JavaScript fixes the bits of those four but
 * not of `Math.exp`, `Math.log` and `Math.tanh` (ECMAScript: "implementation-approximated"), which differ between engine
 * versions and processors; with these, a policy's actions are the same wherever it is deployed. Relative errors are below
 * 1e-14, far below the float32 values they are stored as.
 */

const LN2_HIGH = 0.6931471803691238; // fdlibm's split of ln 2: n · LN2_HIGH is exact for |n| < 2^11
const LN2_LOW = 1.9082149292705877e-10;

/** 2^(n − 1022) at index n, n = 0 … 2045. */
const POWERS_OF_TWO = (() => {
	const powers = new Float64Array(2046);
	powers[0] = 2.2250738585072014e-308; // 2^-1022, the smallest normal number
	for (let n = 1; n < powers.length; n++) powers[n] = (powers[n - 1] as number) * 2;
	return powers;
})();

/** e^x; 0 below −708 and Infinity above 709, so that no subnormal is ever made. */
export function deterministicExp(x: number): number {
	if (x > 709) return Number.POSITIVE_INFINITY;
	if (x < -708) return 0;
	if (Number.isNaN(x)) return Number.NaN;
	const n = Math.floor(x * Math.LOG2E + 0.5);
	const r = x - n * LN2_HIGH - n * LN2_LOW; // |r| ≤ ln 2 / 2
	// Taylor, Estrin-grouped: the remainder r^14 / 14! is below 5e-18.
	const r2 = r * r;
	const r4 = r2 * r2;
	const p0 = 1 + r + r2 * (0.5 + r * 0.16666666666666666);
	const p1 = 0.041666666666666664 + r * 0.008333333333333333 + r2 * (0.001388888888888889 + r * 1.984126984126984e-4);
	const p2 = 2.48015873015873e-5 + r * 2.7557319223985893e-6 + r2 * (2.755731922398589e-7 + r * 2.505210838544172e-8);
	const p3 = 2.08767569878681e-9 + r * 1.6059043836821613e-10;
	const p = p0 + r4 * (p1 + r4 * (p2 + r4 * p3));
	return p * (POWERS_OF_TWO[n + 1022] as number);
}

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer); // little-endian, as every platform Node runs on

/** Natural logarithm of a positive normal number; −Infinity at 0, NaN below. */
export function deterministicLog(x: number): number {
	if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
	if (x === Number.POSITIVE_INFINITY) return x;
	bits[0] = x;
	const high = words[1] as number;
	let exponent = (high >>> 20) - 1023;
	words[1] = (high & 0x000fffff) | 0x3ff00000;
	let mantissa = bits[0] as number; // [1, 2)
	if (mantissa > Math.SQRT2) {
		mantissa *= 0.5;
		exponent++;
	}
	// ln m = 2 artanh s, s = (m − 1) / (m + 1), |s| ≤ 0.1716: the series' first missing term is below 1e-17.
	const s = (mantissa - 1) / (mantissa + 1);
	const s2 = s * s;
	let series = 1 / 21;
	for (let k = 19; k >= 1; k -= 2) series = series * s2 + 1 / k;
	return exponent * LN2_HIGH + (2 * s * series + exponent * LN2_LOW);
}

/** (e^2x − 1) / (e^2x + 1): absolute error 1e-16, so float32-exact for |x| > 1e-8. */
export function deterministicTanh(x: number): number {
	if (x > 20) return 1;
	if (x < -20) return -1;
	const e = deterministicExp(2 * x);
	return (e - 1) / (e + 1);
}

export function deterministicSigmoid(x: number): number {
	return 1 / (1 + deterministicExp(-x));
}
