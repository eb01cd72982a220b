/** How much memory `npm start`'s job takes, and whether a ten times longer run takes more. See docs/benchmarks.md. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PRESETS } from '#ganno/config/presets.js';
import { baseVersions, loadAddon, packageVersion, repositoryRoot } from './support/machine.js';
import { type BenchmarkOptions, parseOptions, progress } from './support/options.js';
import { measured, median, type Row, report, type Target, target, unmeasured } from './support/report.js';

const LIMIT_GIGABYTES = 1.5;
/** The last fifth of a run may be this much above its second fifth: allocators settle in the first. */
const GROWTH_LIMIT = 1.05;

/** Peak and current resident set of a live process in bytes (Linux). */
function residentSet(process_: ChildProcess): { readonly peak: number; readonly now: number } | undefined {
	try {
		const status = readFileSync(`/proc/${process_.pid}/status`, 'utf8');
		const kilobytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
		const [peak, now] = [1024 * kilobytes('VmHWM'), 1024 * kilobytes('VmRSS')];
		return Number.isFinite(peak) && Number.isFinite(now) ? { peak, now } : undefined;
	} catch {
		return undefined; // it has just ended
	}
}

interface Profile {
	readonly peak: number;
	/** Resident set, twice a second. */
	readonly samples: readonly number[];
}

const COMMAND_LINE = join(repositoryRoot, 'dist', 'cli', 'main.js');
const CHURN = fileURLToPath(new URL('./contenders/optimizer-churn.js', import.meta.url));

/** Runs a program of Node in an empty folder and watches its memory. */
async function watch(program: string, words: readonly string[]): Promise<Profile> {
	const directory = mkdtempSync(join(tmpdir(), 'ganno-bench-'));
	const child = spawn(process.execPath, [program, ...words], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
	let errors = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		errors = (errors + text).slice(-2000);
	});
	const samples: number[] = [];
	let peak = 0;
	const timer = setInterval(() => {
		const resident = residentSet(child);
		if (resident === undefined) return;
		samples.push(resident.now);
		peak = Math.max(peak, resident.peak);
	}, 500);
	try {
		const code = await new Promise<number | null>((resolve, reject) => {
			child.once('error', reject);
			child.once('close', resolve);
		});
		if (code !== 0) throw new Error(`${program} ${words.join(' ')} ended with status ${code}. ${errors.trim()}`);
	} finally {
		clearInterval(timer);
		rmSync(directory, { recursive: true, force: true });
	}
	if (samples.length < 10) throw new Error('The run was too short to say anything about memory');
	return { peak, samples };
}

/** Median resident set of the last fifth of a run over that of its second fifth. */
function growth(samples: readonly number[]): number {
	const fifth = Math.floor(samples.length / 5);
	return median(samples.slice(-fifth)) / median(samples.slice(fifth, 2 * fifth));
}

async function measure(options: BenchmarkOptions): Promise<{ rows: Row[]; targets: Target[] }> {
	const gigabytes = (bytes: number): number => bytes / 1e9;
	progress('npm start');
	const smaller = options.quick
		? ['--iterations', '10', '--set', 'evaluation.seeds=2', '--set', 'evaluation.tuningSeeds=1']
		: [];
	const start = await watch(COMMAND_LINE, ['start', ...smaller]);
	// The iterations of npm start, times ten; without the evaluation, which would be the last fifth of a shorter run.
	const iterations = options.quick ? 40 : 10 * PRESETS.quick.iterations;
	progress(`${iterations} iterations`);
	const long = await watch(COMMAND_LINE, ['train', '--preset', 'quick', '--iterations', String(iterations)]);
	const ratio = growth(long.samples);
	const seconds = options.quick ? 10 : 60;
	progress(`optimizers made, stepped and freed for ${seconds} s`);
	const churn = await watch(CHURN, [String(seconds)]);
	const churnRatio = growth(churn.samples);
	const label = (caseName: string, metric: string, unit: string) => ({
		case: caseName,
		contender: 'ganno',
		metric,
		unit,
	});
	return {
		rows: [
			measured(label('start', 'peak_resident_set', 'GB'), [gigabytes(start.peak)]),
			measured(label(`${iterations} iterations`, 'resident_set', 'GB'), long.samples.map(gigabytes)),
			measured(label(`${iterations} iterations`, 'peak_resident_set', 'GB'), [gigabytes(long.peak)]),
			measured(label(`${iterations} iterations`, 'growth', '1'), [ratio], 'last fifth over second fifth'),
			measured(label('optimizers', 'resident_set', 'GB'), churn.samples.map(gigabytes)),
			measured(label('optimizers', 'growth', '1'), [churnRatio], 'last fifth over second fifth'),
		],
		targets: [
			target("npm start's peak resident set in GB", '<=', LIMIT_GIGABYTES, gigabytes(start.peak)),
			target(`growth over ${iterations} iterations`, '<=', GROWTH_LIMIT, ratio),
			target('growth while optimizers are made, stepped and freed', '<=', GROWTH_LIMIT, churnRatio),
		],
	};
}

async function main(): Promise<void> {
	const options = parseOptions('bench:memory', "Memory of npm start's job, and of a ten times longer run.", {
		rounds: 1,
		quickRounds: 1,
	});
	const versions = { ...baseVersions(), tfjs: packageVersion('@tensorflow/tfjs') };
	const tier = loadAddon().cpuTier();
	if (!existsSync('/proc/self/status')) {
		const label = { case: 'start', contender: 'ganno', metric: 'peak_resident_set', unit: 'GB' };
		const rows = [unmeasured(label, 'not measured: this benchmark reads /proc, which only Linux has')];
		report({ ...options, tier, versions, rows, targets: [target(label.metric, '<=', LIMIT_GIGABYTES, null)] });
		return;
	}
	report({ ...options, tier, versions, ...(await measure(options)) });
}

await main();
