import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { livenessOf, ownIdentity, type ProcessIdentity } from '../../src/files/process-identity.js';

const linux = process.platform === 'linux';
const OUTERMOST = 'pid:[4026531836]';

async function endedProcess(): Promise<number> {
	const child = spawn(process.execPath, ['-e', '']);
	await once(child, 'exit');
	return child.pid as number;
}

describe('whether a process still runs', () => {
	it('is known of ourselves and of a process that has ended', async () => {
		const own = ownIdentity();
		expect(own.pid).toBe(process.pid);
		expect(livenessOf(own, own)).toBe('alive');
		expect(livenessOf({ ...own, pid: await endedProcess() }, own)).toBe('ended');
		// As ganno 0.1 tells of itself.
		expect(livenessOf({ pid: own.pid, host: own.host }, own)).toBe('alive');
		expect(livenessOf({ pid: await endedProcess(), host: own.host }, own)).toBe('ended');
	});

	it.runIf(linux)('is known where its number has passed to another process', () => {
		const own = ownIdentity();
		expect(own.processStart).toMatch(/^\d+$/);
		expect(livenessOf({ ...own, pid: process.ppid, processStart: '1' }, own)).toBe('ended');
		expect(livenessOf({ pid: process.ppid, host: own.host, processStart: '1' }, own)).toBe('ended');
	});

	it.runIf(linux)('is known of one that was killed and not yet collected', async () => {
		// The shell becomes a program that never collects its child.
		const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'ignore'] });
		const [line] = (await once(parent.stdout, 'data')) as [Buffer];
		const own = ownIdentity();
		const zombie = { pid: Number(line.toString()), host: own.host };
		while (livenessOf(zombie, own) === 'alive') await new Promise((resolve) => setImmediate(resolve));
		expect(() => process.kill(zombie.pid, 0)).not.toThrow();
		parent.kill('SIGKILL');
		await once(parent, 'exit');
	});

	const here: ProcessIdentity = {
		...ownIdentity(),
		host: 'here',
		machine: 'm',
		boot: 'b1',
		pidNamespace: OUTERMOST,
	};
	const container = { ...here, pidNamespace: 'pid:[4026532300]' };
	/** Who, and what one can say of it; it has our own number, so that whoever asks the system gets 'alive'. */
	const cases: [string, ProcessIdentity, ProcessIdentity, string][] = [
		['here', here, here, 'alive'],
		['in a container, seen from its machine', container, here, 'elsewhere'],
		['outside, seen from a container', here, container, 'elsewhere'],
		['in the same container', container, container, 'alive'],
		['in another container', container, { ...container, pidNamespace: 'pid:[4026532301]' }, 'elsewhere'],
		['here, under another name of the machine', { ...here, host: 'there' }, here, 'alive'],
		['on another machine', { ...here, host: 'there', boot: 'b2', machine: 'n' }, here, 'elsewhere'],
		['on another machine of the same name', { ...here, boot: 'b2', machine: 'n' }, here, 'elsewhere'],
		['on this machine before it was restarted', { ...here, boot: 'b0' }, here, 'ended'],
		['so, where machines have no number', { ...here, boot: 'b0', machine: undefined }, here, 'ended'],
		['in a container before a restart, or on another machine', { ...container, boot: 'b0' }, container, 'elsewhere'],
		['of ganno 0.1, on another machine', { pid: process.pid, host: 'there' }, here, 'elsewhere'],
		['of ganno 0.1, here', { pid: process.pid, host: 'here' }, here, 'alive'],
		[
			'on another machine, where systems tell no more than a name',
			{ pid: process.pid, host: 'there' },
			{ pid: process.pid, host: 'here' },
			'elsewhere',
		],
	];
	it.each(cases)('%s', (_, holder, own, expected) => {
		expect(livenessOf(holder, own)).toBe(expected);
	});
});
