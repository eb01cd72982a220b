import { types } from 'node:util';

/** The machine-readable reasons a {@link GannoError} can have. */
export const ERROR_CODES = [
	'INVALID_ARGUMENT',
	'INVALID_CONFIG',
	'NATIVE_NOT_FOUND',
	'MISSING_DEPENDENCY',
	'CUDA_UNAVAILABLE',
	'OUT_OF_MEMORY',
	'BAD_FILE',
	'FILE_SYSTEM',
	'DOWNLOAD_FAILED',
	'DATASET_NOT_FOUND',
	'DIVERGED',
	'DISPOSED',
	'CANCELLED',
	'RUN_LOCKED',
	'WORKER_FAILED',
	'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

const BRAND = Symbol.for('ganno.error');

/** The one error class of the package. `message` says what is wrong and what to do; `code` is for programs. */
export class GannoError extends Error {
	override readonly name = 'GannoError';
	readonly code: ErrorCode;

	constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}

// `instanceof` knows the errors of every copy of ganno in the process (two versions in node_modules); of a class derived from it, its own.
Object.defineProperty(GannoError.prototype, BRAND, { value: true });
Object.defineProperty(GannoError, Symbol.hasInstance, {
	value(this: unknown, value: unknown): boolean {
		if (this !== GannoError) return Function.prototype[Symbol.hasInstance].call(this, value);
		return typeof value === 'object' && value !== null && BRAND in value;
	},
});

/**
 * Whether it is an error, of whichever realm: under jest, and in other `vm` contexts, those of Node and of the addon are of another one, which
 * `instanceof` does not know.
 */
export function isError(value: unknown): value is Error {
	return value instanceof Error || types.isNativeError(value);
}

/** A GannoError as plain data: structured clone drops `code` and the class, so errors cross threads in this form. */
export interface SerializedError {
	readonly name: string;
	readonly code: ErrorCode | undefined;
	readonly message: string;
	readonly stack: string | undefined;
	readonly cause: SerializedError | undefined;
}

export function serializeError(error: unknown): SerializedError {
	if (!isError(error)) {
		return { name: 'Error', code: undefined, message: String(error), stack: undefined, cause: undefined };
	}
	const code = (error as { code?: unknown }).code;
	return {
		name: error.name,
		code: ERROR_CODES.find((known) => known === code),
		message: error.message,
		stack: error.stack,
		cause: error.cause === undefined ? undefined : serializeError(error.cause),
	};
}

export function deserializeError(serialized: SerializedError): Error {
	const cause = serialized.cause === undefined ? undefined : deserializeError(serialized.cause);
	const error =
		serialized.code === undefined
			? new Error(serialized.message, { cause })
			: new GannoError(serialized.code, serialized.message, { cause });
	if (serialized.stack !== undefined) error.stack = serialized.stack;
	return error;
}

/** An error thrown by the addon, as a GannoError with the same code; anything else as it is. */
export function fromNative(error: unknown): unknown {
	if (!isError(error) || error instanceof GannoError) return error;
	const code = ERROR_CODES.find((known) => known === (error as { code?: unknown }).code);
	return code === undefined ? error : new GannoError(code, error.message, { cause: error });
}

/** @throws what the addon throws, as a GannoError */
export function callNative<Result>(call: () => Result): Result {
	try {
		return call();
	} catch (error) {
		throw fromNative(error);
	}
}
