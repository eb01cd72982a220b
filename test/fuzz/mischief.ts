/** What getters, proxies and conversions of the fuzzer do in the middle of a call. */
export type Mischief = () => void;

/** Thrown by the fuzzer's own getters: it may come out of any call. */
export class FuzzError extends Error {
	override readonly name = 'FuzzError';
}
