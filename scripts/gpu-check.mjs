// scripts/gpu-check: see its --help.
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
	excused,
	installed,
	missingForBuild,
	nativeCommands,
	sourceHash,
	typescriptCommands,
} from './gpu-check-build.mjs';
import { STAGES, steps } from './gpu-check-steps.mjs';

const USAGE = `Usage: scripts/gpu-check [--only STAGES] [--quick] [--fresh] [--minutes N] [--results DIR] [--list] [--emulated]

Builds for this machine's GPU, tests on it, and measures; what is measured goes to bench/results/gpu-*.json. Needs cmake, nvcc, Node and
node_modules; no network, no git, no npm. PyTorch and JAX are measured where a python3 has them (or the one that GANNO_PYTHON names).

  --only STAGES   a comma-separated choice of ${STAGES.join(', ')}; default: all
  --quick         shorter rounds and fewer contenders: good for trying, not for quoting
  --fresh         run again what passed before; by default a run goes on where the last one of the same sources ended
  --minutes N     start no step that would not end within N minutes, and stop one that does not (default 9)
  --results DIR   where result files go (default bench/results; with --emulated build/gpu-check/results)
  --list          print the steps and what was made of them, and end
  --emulated      small cases on the emulated device, to try this program where there is no GPU; the build is taken as it is
  --help          print this text

Exit status: 0 all passed; 1 something failed; 2 wrong arguments; 3 no device; 75 out of time, run the same command again to go on.
Logs lie in build/gpu-check/logs.
`;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'build', 'gpu-check');
const say = (text) => process.stdout.write(`==> ${text}\n`);
const stop = (status, text) => {
	process.stderr.write(`scripts/gpu-check: ${text}\n`);
	process.exit(status);
};

function parse(words) {
	const options = {
		only: STAGES,
		quick: false,
		fresh: false,
		minutes: 9,
		results: undefined,
		list: false,
		emulated: false,
	};
	for (let i = 0; i < words.length; i++) {
		const [word, inline] = words[i].split(/=(.*)/s, 2);
		const value = () => inline ?? words[++i] ?? stop(2, `${word} needs a value. See --help.`);
		if (word === '--help' || word === '-h') {
			process.stdout.write(USAGE);
			process.exit(0);
		} else if (['--quick', '--fresh', '--list', '--emulated'].includes(word)) options[word.slice(2)] = true;
		else if (word === '--only') {
			options.only = value().split(',');
			const odd = options.only.find((stage) => !STAGES.includes(stage));
			if (odd !== undefined) stop(2, `Expected one of ${STAGES.join(', ')} for --only but received '${odd}'.`);
		} else if (word === '--minutes') {
			const text = value();
			options.minutes = Number(text);
			if (!(options.minutes > 0)) stop(2, `Expected a number above 0 for --minutes but received '${text}'.`);
		} else if (word === '--results') options.results = resolve(value());
		else stop(2, `There is no option '${word}'. See --help.`);
	}
	options.results ??= options.emulated ? join(folder, 'results') : join(root, 'bench', 'results');
	return options;
}

const options = parse(process.argv.slice(2));
const started = Date.now();
const left = () => options.minutes * 60 - (Date.now() - started) / 1000;
const commit = (() => {
	const { status, stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' });
	return process.env.GANNO_COMMIT || (status === 0 ? stdout.trim() : 'unknown');
})();
const environment = { ...process.env, GANNO_COMMIT: commit };
if (options.emulated) environment.GANNO_BINDING = join(root, 'build', 'Release', 'ganno-emulated.node');
environment.GANNO_BENCH_DEVICE ??= 'cuda:0';

// --- what was done before -------------------------------------------------------------------------------------------------------
const stateFile = join(folder, options.emulated ? 'state-emulated.json' : 'state.json');
const key = `${sourceHash(root)}${options.quick ? ' quick' : ''}`;
const readState = () => {
	try {
		return JSON.parse(readFileSync(stateFile, 'utf8'));
	} catch {
		return {};
	}
};
const state = readState();
const remember = (name, entry) => {
	state[name] = { ...entry, key };
	writeWhole(stateFile, `${JSON.stringify(state, undefined, 2)}\n`);
};
const passedBefore = (name) => !options.fresh && state[name]?.key === key && state[name].status === 'passed';

function writeWhole(file, text) {
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(`${file}.part`, text);
	renameSync(`${file}.part`, file);
}

/** Runs a program to its end or to the limit, its output into a log (and onto the terminal unless it is a result). */
function run(program, words, { name, seconds, json = false, more = {} }) {
	mkdirSync(join(folder, 'logs'), { recursive: true });
	const log = createWriteStream(join(folder, 'logs', `${name}.log`), { flags: 'a' });
	return new Promise((done) => {
		// A group of its own: what it started ends with it.
		const child = spawn(program, words, {
			cwd: root,
			env: { ...environment, ...more },
			stdio: ['ignore', 'pipe', 'pipe'],
			detached: true,
		});
		let out = '';
		let late = false;
		const end = (signal) => {
			late = true;
			try {
				process.kill(-child.pid, signal);
			} catch {} // it has just ended
		};
		// Compilers asked to end remove what they have half written.
		const timers = [setTimeout(end, seconds * 1000, 'SIGTERM'), setTimeout(end, seconds * 1000 + 5000, 'SIGKILL')];
		child.stdout.setEncoding('utf8').on('data', (text) => {
			out += text;
			log.write(text);
			if (!json) process.stdout.write(text);
		});
		child.stderr.setEncoding('utf8').on('data', (text) => {
			log.write(text);
			process.stderr.write(text);
		});
		const finish = (reason) => {
			for (const timer of timers) clearTimeout(timer);
			log.end();
			done({ reason: late ? `did not end within ${Math.round(seconds)} s` : reason, out });
		};
		child.on('error', (error) => finish(error.message));
		child.on('close', (status, signal) =>
			finish(status === 0 ? undefined : `ended with ${signal ?? `status ${status}`}`),
		);
	});
}

async function build(step, seconds) {
	if (options.emulated) {
		const there = existsSync(environment.GANNO_BINDING) && existsSync(join(root, 'build', 'bench', 'curves.js'));
		return there ? {} : { reason: 'there is no build to try: npm run build:bench' };
	}
	if (step.build === 'native') {
		for (const [program, words] of nativeCommands(root)) {
			const { reason } = await run(program, words, { name: step.name, seconds });
			if (reason !== undefined) return { reason: `${program} ${reason}` };
		}
		return {};
	}
	for (const { command, leaves } of typescriptCommands(root)) {
		const began = Date.now();
		const { reason } = await run(...command, { name: step.name, seconds });
		if (reason !== undefined && !excused(root, leaves, began)) return { reason: `tsc ${reason}` };
	}
	return {};
}

/** The first usable device, as the package describes it, or why there is none. A process of its own: the addon may have been built just now. */
function device() {
	const program = `import { devices } from ${JSON.stringify(join(root, 'dist', 'index.js'))};
		const found = devices().filter(({ kind }) => kind === 'cuda');
		console.log(JSON.stringify(found.find(({ available, name }) => available && name === ${JSON.stringify(environment.GANNO_BENCH_DEVICE)}) ?? found[0]));`;
	const asked = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
		cwd: root,
		env: environment,
		encoding: 'utf8',
	});
	if (asked.status !== 0)
		return {
			available: false,
			reason: `the package does not load: ${asked.stderr.trim().split('\n').slice(-12).join(' ')}`,
		};
	return JSON.parse(asked.stdout.trim().split('\n').at(-1));
}

async function take(step) {
	const seconds = Math.max(30, Math.min(left(), 3600));
	if (step.build !== undefined) return build(step, seconds);
	if (step.optional !== undefined && !installed(step.optional)) return { skipped: `${step.optional} is not installed` };
	const { reason, out } = await run(step.program, step.words, {
		name: step.name,
		seconds,
		json: step.json,
		more: step.environment,
	});
	if (!step.json || reason !== undefined) return { reason };
	let report;
	try {
		report = JSON.parse(out);
	} catch {
		return { reason: 'printed what is not one JSON object' };
	}
	const file = join(options.results, `gpu-${step.name}${options.quick ? '-quick' : ''}.json`);
	writeWhole(file, `${JSON.stringify(report, undefined, 2)}\n`);
	return { file, targets: report.targets, unmeasured: report.rows.filter(({ median }) => median === null).length };
}

// --- the run --------------------------------------------------------------------------------------------------------------------
const all = steps(process.execPath, options);
const chosen = all.filter(({ stage }) => options.only.includes(stage));
if (options.list) {
	for (const { name, stage } of chosen)
		process.stdout.write(`${stage.padEnd(12)} ${name.padEnd(32)} ${passedBefore(name) ? 'passed' : '-'}\n`);
	process.exit(0);
}
if (!existsSync(join(root, 'node_modules')))
	stop(1, 'node_modules is missing. Run npm ci first, or unpack one beside package.json.');
const builds = chosen.some(({ stage }) => stage === 'build');
const missing = builds && !options.emulated ? missingForBuild(root) : undefined;
if (missing !== undefined) stop(1, missing);

const outcomes = [];
let description;
let timeUp = false;
for (const step of chosen) {
	if (step.stage !== 'build' && description === undefined) {
		if (!existsSync(join(root, 'dist', 'index.js')))
			stop(1, 'there is no build: run scripts/gpu-check --only build first.');
		description = device();
		if (!description.available) stop(3, `no CUDA device can be used: ${description.reason}`);
		say(`${description.name}: ${description.model}, compute capability ${description.computeCapability}`);
	}
	if (passedBefore(step.name)) {
		outcomes.push({ name: step.name, ...state[step.name], status: 'passed before' });
		continue;
	}
	// A step that may take longer than a whole run gets all of one.
	if (
		left() < Math.min(step.seconds, 0.5 * options.minutes * 60) &&
		outcomes.some(({ status }) => status !== 'passed before')
	) {
		timeUp = true;
		outcomes.push({ name: step.name, status: 'not started' });
		continue;
	}
	say(`${step.name}`);
	const began = Date.now();
	const { reason, skipped, ...more } = await take(step);
	// What a build has compiled stays: it goes on where it was stopped.
	const unfinished = step.stage === 'build' && (reason ?? '').includes('did not end within');
	const status =
		skipped !== undefined ? 'left out' : reason === undefined ? 'passed' : unfinished ? 'unfinished' : 'FAILED';
	const entry = {
		status,
		seconds: Math.round((Date.now() - began) / 1000),
		note: skipped ?? reason,
		date: new Date().toISOString(),
		...more,
	};
	remember(step.name, entry);
	outcomes.push({ name: step.name, ...entry });
	if (status === 'FAILED') process.stderr.write(`${step.name}: ${reason}; see build/gpu-check/logs/${step.name}.log\n`);
	timeUp ||= unfinished;
	if (status !== 'passed' && step.stage === 'build') break; // nothing that follows would be of this commit
}

say('Summary');
for (const { name, status, seconds, note, targets = [], unmeasured = 0 } of outcomes) {
	const took = seconds === undefined ? '' : `${seconds} s`;
	const rows = unmeasured > 0 ? `, ${unmeasured} rows not measured` : '';
	process.stdout.write(
		`${status.padEnd(14)} ${name.padEnd(32)} ${took}${note === undefined ? '' : `  ${note}`}${rows}\n`,
	);
	for (const { name: what, target, value, met } of targets) {
		const unjudged = value === null ? 'not measured' : 'not judged (--quick)';
		const judged = met === null ? unjudged : met ? 'met' : 'NOT MET';
		process.stdout.write(
			`                 ${what}: ${value === null ? '–' : Number(value).toPrecision(3)} (${target}): ${judged}\n`,
		);
	}
}
if (description !== undefined) {
	const summary = {
		machine: { cpu: cpus()[0]?.model.trim() ?? 'unknown', device: description },
		versions: { node: process.versions.node, commit, date: new Date().toISOString() },
		quick: options.quick,
		steps: all.flatMap(({ name }) => (state[name]?.key === key ? [{ name, ...state[name] }] : [])),
	};
	const file = join(options.results, `gpu-check${options.quick ? '-quick' : ''}.json`);
	writeWhole(file, `${JSON.stringify(summary, undefined, 2)}\n`);
	say(`Written: ${file}`);
}
const failed = outcomes.filter(({ status }) => status === 'FAILED').length;
if (timeUp) say('Out of time: run the same command again to go on.');
process.exitCode = failed > 0 ? 1 : timeUp ? 75 : 0;
