import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Identifies a process among all machines, containers and restarts that may share a folder. Undefined: not known on this system. */
export interface ProcessIdentity {
	readonly pid: number;
	readonly host: string;
	/** Of the installation: tells two machines called `localhost` apart. */
	readonly machine?: string | undefined;
	/** A new one at every start of the machine; containers have that of their machine. */
	readonly boot?: string | undefined;
	/** Where `pid` is counted: in each container anew, so that all their first processes are number 1. */
	readonly pidNamespace?: string | undefined;
	/** When it started, in ticks since the start of the machine: tells a process from a later one with its number. */
	readonly processStart?: string | undefined;
}

/** The first PID namespace of every machine, outside all containers (PROC_PID_INIT_INO in Linux's proc_ns.h). */
const OUTERMOST_NAMESPACE = 'pid:[4026531836]';

export function ownIdentity(): ProcessIdentity {
	return {
		pid: process.pid,
		host: hostname(),
		machine: machineIdentity(),
		boot: read('/proc/sys/kernel/random/boot_id')?.trim(),
		pidNamespace: attempt(() => readlinkSync('/proc/self/ns/pid')),
		processStart: processStatus('self')?.start,
	};
}

/**
 * Whether a process still runs. `elsewhere`: on another machine or in another container, where it cannot be checked.
 * @param own the identity of this process
 */
export function livenessOf(process: ProcessIdentity, own: ProcessIdentity): 'alive' | 'ended' | 'elsewhere' {
	const restarted = differ(process.boot, own.boot);
	if (process.boot === undefined || own.boot === undefined || restarted) {
		if (process.host !== own.host || differ(process.machine, own.machine)) return 'elsewhere';
		// Of containers, neither the name nor the number of a namespace says that this was the same machine.
		const outermost = [process, own].every(({ pidNamespace }) => pidNamespace === OUTERMOST_NAMESPACE);
		if (restarted) return outermost ? 'ended' : 'elsewhere';
	}
	if (differ(process.pidNamespace, own.pidNamespace)) return 'elsewhere';
	return isRunning(process) ? 'alive' : 'ended';
}

/** Of a process in our own PID namespace. */
function isRunning({ pid, processStart }: ProcessIdentity): boolean {
	try {
		process.kill(pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
	}
	// A container may see the /proc of its machine, where our numbers are other processes.
	if (attempt(() => readlinkSync('/proc/self')) !== String(process.pid)) return true;
	const status = processStatus(String(pid));
	if (status === undefined) return true;
	// Killed, and only not yet collected by its parent: in a container perhaps never.
	if (status.state === 'Z' || status.state === 'X') return false;
	return !differ(status.start, processStart);
}

/** Fields 3 and 22 of /proc/PID/stat; the command in field 2 may hold spaces and parentheses. */
function processStatus(pid: string): { readonly state: string; readonly start: string } | undefined {
	const stat = read(`/proc/${pid}/stat`);
	const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
	const [state, start] = [fields?.[0], fields?.[19]];
	return state === undefined || start === undefined ? undefined : { state, start };
}

/** Hashed: machine-id(5) asks that the number itself be kept on the machine. */
function machineIdentity(): string | undefined {
	const id = read('/etc/machine-id')?.trim();
	return id === undefined || id === ''
		? undefined
		: createHash('sha256').update(`ganno ${id}`).digest('hex').slice(0, 16);
}

function differ(a: string | undefined, b: string | undefined): boolean {
	return a !== undefined && b !== undefined && a !== b;
}

function read(path: string): string | undefined {
	return attempt(() => readFileSync(path, 'utf8'));
}

function attempt<T>(action: () => T): T | undefined {
	try {
		return action();
	} catch {
		return undefined;
	}
}
