import { execFileSync } from 'node:child_process';
import {
	chmodSync,
	cpSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newRunFolder } from '../../src/cli/options/run-options.js';
import { recordedDataDirectory } from '../../src/config/data-directory.js';
import { QUICK_SUITE } from '../../src/evaluation/suites/definitions/quick-suite.js';
import { idxFile, writeFiles } from '../support/dataset-files.js';
import { type GannoOptions, ganno, MAIN, refused, startGannoInTest } from '../support/run-ganno.js';
import { TINY, TINY_SEARCH } from '../support/tiny-config.js';

const base = mkdtempSync(join(tmpdir(), 'ganno-run-folders-'));
const tiny = join(base, 'tiny.json');
const tinySearch = join(base, 'search.json');
/** A finished run. */
const run = join(base, 'run');
const train = ['train', '--config', tiny, '--workers', '0'];

let folder: string;
let number = 0;
beforeAll(async () => {
	writeFileSync(tiny, JSON.stringify(TINY));
	writeFileSync(tinySearch, JSON.stringify(TINY_SEARCH));
	const trained = await ganno([...train, '--run-dir', run]);
	expect(trained.code, trained.stderr).toBe(0);
});
beforeEach(() => {
	folder = join(base, `test-${++number}`);
	mkdirSync(folder);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe('folders of runs that nobody has named', () => {
	const home = process.cwd();
	afterEach(() => process.chdir(home));

	it('are as many as the runs, even in one second', () => {
		process.chdir(folder);
		const now = new Date('2026-11-30T18:49:23.190Z');
		const names = Array.from({ length: 4 }, () => newRunFolder({}, 'standard', { seed: 7 }, now));
		expect(names).toEqual(['', '-2', '-3', '-4'].map((suffix) => `runs/standard-seed7-20261130-184923${suffix}`));
		expect(readdirSync('runs')).toHaveLength(4);
		expect(newRunFolder({ runDir: 'mine' }, 'standard', { seed: 7 }, now)).toBe('mine');
		expect(newRunFolder({ output: 'mine' }, 'standard', { seed: 7 }, now)).toBe('mine');
	});

	it('serve several trainings and searches begun at once', async () => {
		const commands = [train, train, ['search', '--config', tinySearch], ['search', '--config', tinySearch]];
		const results = await Promise.all(commands.map((args) => ganno(args, { cwd: folder })));
		for (const { code, stderr } of results) expect(code, stderr).toBe(0);
		expect(readdirSync(join(folder, 'runs'))).toHaveLength(4);
	});
});

describe('what a command prints to be pasted', () => {
	/** The words that a shell makes of the command after the text; outside of every package ganno is called by its path. */
	const pasted = (said: string, text: string): string[] => {
		const at = said.indexOf(text) + text.length;
		const script = `node() { printf '%s\\0' "$@"; }; ${said.slice(at)}`;
		const [program, ...words] = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
		expect(program).toBe(MAIN);
		return words;
	};

	it.each(['mein Lauf', "don't", '$HOME `x` "y"', '-x', 'läufe*', 'a;b&c'])('leads to the run in %s', async (name) => {
		const where = { cwd: folder };
		const path = name.startsWith('-') ? `./${name}` : name;
		const done = await ganno([...train, '--run-dir', name, '--iterations', '1'], where);
		expect(done.code, done.stderr).toBe(0);
		expect(pasted(done.stdout, 'Evaluate it: ')).toEqual(['evaluate', path]);
		const again = await ganno([...train, '--run-dir', name], where);
		expect(pasted(again.stderr, 'or continue it with: ')).toEqual(['train', '--resume', path]);
		const resumed = startGannoInTest(['train', '--resume', name, '--iterations', '100000'], where);
		await resumed.until('iteration');
		resumed.child.kill('SIGINT');
		expect(pasted((await resumed.result).stderr, 'Go on with: ')).toEqual(['train', '--resume', path]);
		const evaluation = startGannoInTest(['evaluate', path, '--set', 'evaluation.seeds=5000'], where);
		await evaluation.until('Evaluating');
		evaluation.child.kill('SIGINT');
		expect(pasted((await evaluation.result).stderr, 'Evaluate again with: ')).toEqual([
			'evaluate',
			path,
			'--set',
			'evaluation.seeds=5000',
		]);
	});

	it('leads to a search too', async () => {
		const search = ['search', '--config', tinySearch, '--set', 'retraining.epochs=100000', '--run-dir', 's t'];
		const network = 'C(8,3,1)-P(2,2)-SM';
		const { child, until, result } = startGannoInTest([...search, '--network', network], { cwd: folder });
		await until('Training');
		child.kill('SIGINT');
		const words = ['search', '--resume', 's t', '--network', network];
		expect(pasted((await result).stderr, 'Go on with: ')).toEqual(words);
	});
});

describe('a path', () => {
	it('that is empty is refused wherever one is given', async () => {
		const cases = [
			['train', '--run-dir', ''],
			['train', '--run-dir='],
			['train', '--output', ''],
			['train', '--config', ''],
			['train', '--resume', ''],
			['train', '--data-dir', ''],
			['start', '--run-dir', ''],
			['search', '--run-dir', ''],
			['search', '--resume', ''],
			['search', '--compare', ''],
			['search', '--policy', ''],
			['evaluate', ''],
			['evaluate', 'default', '--output', ''],
			['evaluate', 'default', '--quick', '--out', ''],
			['evaluate', 'default', '--quick', '--charts', ''],
			['info', ''],
		];
		for (const args of cases) await refused(args, 2, 'Expected a path but received an empty text', { cwd: folder });
		expect(readdirSync(folder)).toEqual([]);
	});

	it('that results cannot be written to is told before the work', async () => {
		const file = join(folder, 'file');
		writeFileSync(file, 'mine');
		const link = join(folder, 'link');
		symlinkSync(join(folder, 'nowhere', 'there'), link);
		const blocked = join(folder, 'blocked');
		mkdirSync(join(blocked, 'report.html'), { recursive: true });
		const out = join(folder, 'out');
		mkdirSync(join(folder, 'page.html'));
		const inTheWay = 'a file of that name is there';
		const cases: [readonly string[], string][] = [
			[[...train, '--run-dir', file], inTheWay],
			[[...train, '--run-dir', link], 'a link of that name leads nowhere'],
			[[...train, '--reward', 'baseline', '--run-dir', file], inTheWay],
			[['start', '--config', tiny, '--run-dir', file], inTheWay],
			[['search', '--config', tinySearch, '--run-dir', file], inTheWay],
			[['evaluate', run, '--output', file], inTheWay],
			[['evaluate', run, '--output', join(file, 'below')], 'ENOTDIR'],
			[['evaluate', run, '--output', blocked], 'report.html: it exists and is not a regular file'],
			[['evaluate', run, '--quick', '--out', blocked], 'it exists and is not a regular file'],
			[
				['evaluate', run, '--quick', '--out', join(folder, 'page.json')],
				'page.html: it exists and is not a regular file',
			],
			[['evaluate', run, '--quick', '--out', join(file, 'e.json')], inTheWay],
			[['evaluate', run, '--quick', '--out', out, '--charts', file], inTheWay],
		];
		for (const [args, message] of cases) await refused(args, 1, message);
		expect(readFileSync(file, 'utf8')).toBe('mine');
		expect(readdirSync(folder).toSorted()).toEqual(['blocked', 'file', 'link', 'page.html']);
		expect(readdirSync(blocked)).toEqual(['report.html']);
	});

	it.runIf(process.platform === 'linux' && process.getuid?.() !== 0)(
		'of a folder that may not be written to is told before the work, and where else results can go',
		async () => {
			const closed = join(folder, 'closed');
			mkdirSync(closed);
			execFileSync('cp', [join(run, 'policy.safetensors'), join(run, 'config.json'), closed]);
			chmodSync(closed, 0o555);
			await refused(['evaluate', closed], 1, /EACCES.*--output writes the results elsewhere/);
			await refused(['evaluate', closed, '--quick'], 1, 'EACCES');
			await refused(['evaluate', run, '--quick', '--out', join(folder, 'e.json'), '--charts', closed], 1, 'EACCES');
			await refused(['train', '--resume', closed], 1, 'EACCES');
			chmodSync(closed, 0o755);
		},
	);

	it('of a config may be a pipe', async () => {
		for (const command of ['train', 'start', 'train --preset standard', 'search', 'evaluate default']) {
			const config = command === 'search' ? tinySearch : tiny;
			const where = command.startsWith('evaluate') ? '--output' : '--run-dir';
			const script = `cat ${config} | ${process.execPath} ${MAIN} ${command} --config /dev/stdin ${where} ${folder}/${command.replaceAll(' ', '-')}`;
			execFileSync('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'ignore'] });
		}
	});
});

describe('the data folder of a run', () => {
	/** MNIST of so few images that it is loaded in part; which digit an image shows is where its bright row lies. */
	const digits = (train: number, test: number): Map<string, Buffer> => {
		const files = new Map<string, Buffer>();
		for (const [part, count] of [
			['train', train],
			['t10k', test],
		] as const) {
			const labels = Buffer.from(Array.from({ length: count }, (_, i) => (7 * i) % 10));
			const pixels = Buffer.alloc(count * 784);
			for (const [i, label] of labels.entries()) pixels.fill(200, i * 784 + 56 * label, i * 784 + 56 * (label + 1));
			files.set(`${part}-images-idx3-ubyte`, idxFile([count, 28, 28], pixels));
			files.set(`${part}-labels-idx1-ubyte`, idxFile([count], labels));
		}
		return files;
	};
	const mnist = ['--dataset', 'mnist', '--set', 'partialDataset=true', '--set', 'downsample=2'];
	/** Nothing else is found, and nothing fetched. */
	const env = () => ({
		XDG_CACHE_HOME: join(folder, 'cache'),
		GANNO_DATA_URL: 'http://127.0.0.1:9',
		GANNO_DATA_DIR: '',
	});
	let project: GannoOptions;
	let elsewhere: GannoOptions;
	beforeEach(() => {
		writeFiles(join(folder, 'project', 'data', 'mnist'), digits(600, 100));
		mkdirSync(join(folder, 'elsewhere'));
		project = { cwd: join(folder, 'project'), env: env() };
		elsewhere = { cwd: join(folder, 'elsewhere'), env: env() };
	});
	const done = async (args: readonly string[], options: GannoOptions) => {
		const result = await ganno(args, options);
		expect(result.code, result.stderr).toBe(0);
		return result.stderr;
	};

	it('is kept so that it is found from any other folder, by a resumed run and by evaluations', async () => {
		await done([...train, ...mnist, '--data-dir', 'data', '--run-dir', '../run'], project);
		const config = JSON.parse(readFileSync(join(folder, 'run', 'config.json'), 'utf8'));
		expect(config.dataDirectory).toBe(join(folder, 'project', 'data'));
		expect(await done(['train', '--resume', '../run', '--iterations', '4'], elsewhere)).toContain('mnist (600 of');
		expect(await done(['evaluate', '../run'], elsewhere)).toContain('mnist (600 of');
		const [task] = QUICK_SUITE.tasks;
		const suite = { ...QUICK_SUITE, tasks: [{ ...task, dataset: { name: 'mnist', downsample: 2 } }] };
		writeFileSync(join(folder, 'suite.json'), JSON.stringify(suite));
		await done(['evaluate', '../run', '--suite', '../suite.json', '--out', 'results.json'], elsewhere);
		expect(readFileSync(join(folder, 'elsewhere', 'results.md'), 'utf8')).toContain('mnist (600 of');
	});

	it('is that of the options where they name one, and of no other data set', async () => {
		await done([...train, ...mnist, '--data-dir', 'data', '--run-dir', '../run'], project);
		writeFiles(join(folder, 'elsewhere', 'mine'), digits(500, 100));
		expect(await done(['evaluate', '../run', '--data-dir', 'mine'], elsewhere)).toContain('mnist (500 of');
		cpSync(join(folder, 'project', 'data'), join(folder, 'elsewhere', 'copy'), { recursive: true }); // other images would be refused
		await done(['train', '--resume', '../run', '--data-dir', 'copy', '--iterations', '4'], elsewhere);
		const config = JSON.parse(readFileSync(join(folder, 'run', 'config.json'), 'utf8'));
		expect(config.dataDirectory).toBe(join(folder, 'elsewhere', 'copy'));
		expect(recordedDataDirectory(join(folder, 'run'), 'mnist')).toBe(join(folder, 'elsewhere', 'copy'));
		expect(recordedDataDirectory(join(folder, 'run'), 'fashion-mnist')).toBe('');
	});

	it('of a run of ganno 0.1 is looked for from here, and the place that was tried is named', async () => {
		await done([...train, ...mnist, '--data-dir', 'data', '--run-dir', '../run'], project);
		const path = join(folder, 'run', 'config.json');
		const settings = JSON.parse(readFileSync(path, 'utf8'));
		writeFileSync(path, JSON.stringify({ ...settings, dataDirectory: 'data' }));
		await done(['evaluate', '../run'], project);
		await done(['train', '--resume', '../run'], project);
		const tried = `data folder data.*from here it is ${join(folder, 'elsewhere', 'data')}, which is not there.*--data-dir`;
		await refused(['train', '--resume', '../run', '--iterations', '5'], 1, new RegExp(tried), elsewhere);
		await refused(['evaluate', '../run'], 1, new RegExp(tried), elsewhere);
		await done(['train', '--resume', '../run', '--iterations', '5', '--data-dir', '../project/data'], elsewhere);
		await done(['train', '--resume', '../run', '--iterations', '6'], elsewhere);
	});

	it('of a search is kept the same way', async () => {
		const search = ['search', '--config', tinySearch, ...mnist, '--set', 'training.validationSize=100'];
		await done([...search, '--set', 'retraining.count=0', '--data-dir', 'data', '--run-dir', '../run'], project);
		await done(['search', '--resume', '../run'], elsewhere);
	});
});
