import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

/** What a contender did in one slice. */
export interface Slice {
	readonly steps: number;
	/** Processor time of the whole process, all its threads. */
	readonly cpuSeconds: number;
	readonly wallSeconds: number;
	/** The training loss at the end: finite, or the figure means nothing. */
	readonly loss: number;
}

/**
 * A contender is a process of its own that does nothing until told to. It speaks one JSON object a line: it starts with
 * `{"ready": true, "version": "…"}` or `{"unavailable": "why, and what to do"}`; `{"run": milliseconds}` is answered with a {@link Slice};
 * it ends when its input does.
 */
export interface Contender {
	readonly name: string;
	/** Name and version of what it runs on; undefined when unavailable. */
	readonly version: string | undefined;
	/** Why it cannot be measured here; undefined when it can. */
	readonly unavailable: string | undefined;
	/** All it said when it was ready. */
	readonly hello: Readonly<Record<string, unknown>>;
	/** Sends a message of the caller's own and returns what is answered. */
	ask(message: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
	run(milliseconds: number): Promise<Slice>;
	close(): Promise<void>;
}

/** Longest silence before a contender is given up: tfjs needs several seconds a step on the largest case on a slow machine. */
const SILENCE_MILLISECONDS = 180_000;

interface Channel {
	readonly process: ChildProcess;
	readonly lines: Interface;
	next(): Promise<Record<string, unknown>>;
}

function open(command: readonly string[], environment: NodeJS.ProcessEnv): Channel {
	const [program, ...words] = command as [string, ...string[]];
	const child = spawn(program, words, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
	const lines = createInterface({ input: child.stdout });
	let errors = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		errors = (errors + text).slice(-2000);
	});
	child.stdin.on('error', () => {}); // it died: `next` says so
	const waiting: { resolve: (value: Record<string, unknown>) => void; reject: (error: Error) => void }[] = [];
	const arrived: Record<string, unknown>[] = [];
	let failure: Error | undefined;
	const fail = (error: Error): void => {
		failure ??= error;
		for (const { reject } of waiting.splice(0)) reject(failure);
	};
	lines.on('line', (line) => {
		if (!line.startsWith('{')) return; // a library's chatter
		let value: Record<string, unknown>;
		try {
			value = JSON.parse(line) as Record<string, unknown>;
		} catch {
			child.kill('SIGKILL');
			fail(new Error(`said what is not JSON, such as a number that is not finite: ${line.slice(0, 200)}`));
			return;
		}
		const first = waiting.shift();
		if (first === undefined) arrived.push(value);
		else first.resolve(value);
	});
	child.on('error', fail);
	child.on('close', (code, signal) => fail(new Error(`ended with ${signal ?? `status ${code}`}. ${errors.trim()}`)));
	return {
		process: child,
		lines,
		next: () => {
			const value = arrived.shift();
			if (value !== undefined) return Promise.resolve(value);
			if (failure !== undefined) return Promise.reject(failure);
			return new Promise((resolve, reject) => {
				const timer = setTimeout(() => {
					child.kill('SIGKILL');
					reject(new Error(`said nothing for ${SILENCE_MILLISECONDS / 1000} s`));
				}, SILENCE_MILLISECONDS);
				const settle =
					<T>(then: (value: T) => void) =>
					(value: T): void => {
						clearTimeout(timer);
						then(value);
					};
				waiting.push({ resolve: settle(resolve), reject: settle(reject) });
			});
		},
	};
}

/** Starts a contender and waits until it is ready. One that cannot start is `unavailable`, never an error. */
export async function startContender(
	name: string,
	command: readonly string[],
	environment: NodeJS.ProcessEnv,
	whatToDo: string,
): Promise<Contender> {
	const channel = open(command, environment);
	let unavailable: string | undefined;
	let version: string | undefined;
	let hello: Record<string, unknown> = {};
	try {
		hello = await channel.next();
		if (typeof hello.unavailable === 'string') unavailable = hello.unavailable;
		else version = String(hello.version);
	} catch (error) {
		unavailable = `${name} did not start: ${(error as Error).message} ${whatToDo}`;
	}
	const ask = (message: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> => {
		channel.process.stdin?.write(`${JSON.stringify(message)}\n`);
		return channel.next().catch((error: Error) => {
			throw new Error(`${name} ${error.message}`);
		});
	};
	return {
		name,
		version,
		unavailable,
		hello,
		ask,
		run: async (milliseconds) => {
			const slice = (await ask({ run: milliseconds })) as unknown as Slice;
			if (![slice.steps, slice.cpuSeconds, slice.wallSeconds, slice.loss].every(Number.isFinite) || slice.steps < 1) {
				throw new Error(`${name} returned ${JSON.stringify(slice)}; nothing is reported`);
			}
			return slice;
		},
		close: async () => {
			if (channel.process.exitCode !== null || channel.process.signalCode !== null) return;
			const gone = new Promise<void>((resolve) => channel.process.once('close', () => resolve()));
			channel.process.stdin?.end();
			const timer = setTimeout(() => channel.process.kill('SIGKILL'), 5000);
			await gone;
			clearTimeout(timer);
		},
	};
}
