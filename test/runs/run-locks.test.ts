import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readMetrics } from '../../src/runs/run-directory.js';
import { lockResults } from '../../src/runs/run-lock.js';
import { ganno, MAIN, refused, startGannoInTest } from '../support/run-ganno.js';
import { TINY } from '../support/tiny-config.js';

const base = mkdtempSync(join(tmpdir(), 'ganno-run-locks-'));
const tiny = join(base, 'tiny.json');
/** A finished run. */
const run = join(base, 'run');
const train = ['train', '--config', tiny, '--workers', '0'];

let folder: string;
let number = 0;
beforeAll(async () => {
	writeFileSync(tiny, JSON.stringify(TINY));
	const trained = await ganno([...train, '--run-dir', run]);
	expect(trained.code, trained.stderr).toBe(0);
});
beforeEach(() => {
	folder = join(base, `test-${++number}`);
	mkdirSync(folder);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe('the lock', () => {
	it('of a training keeps evaluations out of its folder, and theirs keep out trainings and each other', async () => {
		const busy = join(folder, 'busy');
		const first = startGannoInTest([...train, '--iterations', '100000', '--run-dir', busy]);
		await first.until('iteration 1/');
		execFileSync('cp', [join(run, 'policy.safetensors'), busy]);
		await refused(
			['evaluate', busy],
			1,
			new RegExp(`process ${first.child.pid}.*using .*busy.*choose another --output`),
		);
		const elsewhere = await ganno(['evaluate', busy, '--output', join(folder, 'elsewhere')]);
		expect(elsewhere.code, elsewhere.stderr).toBe(0);
		expect(readdirSync(join(folder, 'elsewhere')).toSorted()).toEqual(['evaluation.json', 'report.html']);
		first.child.kill('SIGINT');
		await first.result;

		const second = startGannoInTest(['evaluate', busy, '--set', 'evaluation.seeds=5000']);
		await second.until('Evaluating');
		await refused(['train', '--resume', busy], 1, `process ${second.child.pid}`);
		await refused(['evaluate', busy], 1, `process ${second.child.pid}`);
		second.child.kill('SIGINT');
		await second.result;
	});

	it('of a suite is that of its results file', async () => {
		const out = join(folder, 'results.json');
		const suite = (file: string) => ['evaluate', run, '--quick', '--out', file];
		const lock = lockResults(out, []);
		await refused(suite(out), 1, new RegExp(`process ${process.pid}.*choose another --out`));
		const other = await ganno(suite(join(folder, 'other.json')));
		expect(other.code, other.stderr).toBe(0);
		lock.release();
		const again = await ganno(suite(out));
		expect(again.code, again.stderr).toBe(0);
		expect(readdirSync(folder).filter((name) => !/^(results|other)\.(json|md|html)$/.test(name))).toEqual([]);
	});

	const unshare = ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), '--pid', '--fork'];
	const container = [...unshare, '--mount-proc', '--kill-child'];
	const containers = spawnSync(container[0] as string, [...container.slice(1), 'true']).status === 0;

	it.runIf(containers)(
		'holds between containers that share a folder, each of whose processes are number 1',
		async () => {
			const shared = join(folder, 'shared');
			const first = startGannoInTest([...train, '--iterations', '100000', '--run-dir', shared], { under: container });
			await first.until('iteration 1/');
			const message = /process 1 in another container.*Its files last changed at .*delete .*run\.lock/;
			await refused(['train', '--resume', shared], 1, message, { under: container });
			await refused(['train', '--resume', shared], 1, message);
			const iterations = readMetrics(join(shared, 'metrics.jsonl')).map(({ iteration }) => iteration);
			expect(new Set(iterations).size).toBe(iterations.length);
			first.child.kill('SIGKILL');
			await first.result;
			// It has ended, and that cannot be seen from another container.
			await refused(['train', '--resume', shared], 1, message, { under: container });
			rmSync(join(shared, 'run.lock'));
			const last = String(readMetrics(join(shared, 'metrics.jsonl')).length + 1);
			const resumed = await ganno(['train', '--resume', shared, '--iterations', last], { under: container });
			expect(resumed.code, resumed.stderr).toBe(0);
		},
	);

	it.runIf(containers)('holds where containers see the /proc of their machine', async () => {
		const shared = join(folder, 'shared');
		const script = `
			${process.execPath} ${MAIN} train --config ${tiny} --workers 0 --iterations 100000 --run-dir ${shared} 2> ${folder}/first & first=$!
			until grep -q "iteration 1/" ${folder}/first; do :; done
			${process.execPath} ${MAIN} train --resume ${shared} 2> ${folder}/second; echo $?
			kill -INT $first; wait $first; echo $?`;
		const [program, ...rest] = unshare as [string, ...string[]];
		const printed = execFileSync(program, [...rest, '--kill-child', 'sh', '-c', script], { encoding: 'utf8' });
		expect(printed).toBe('1\n130\n');
		expect(readFileSync(join(folder, 'second'), 'utf8')).toContain('is using');
	});
});
