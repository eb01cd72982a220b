// The steps of scripts/gpu-check: what each runs, and about how long it takes on one H100.
import { join } from 'node:path';

export const STAGES = ['build', 'tests', 'sanitizer', 'optimizer', 'population', 'curves'];

const RIVALS = ['pytorch-vmap', 'pytorch-graphs', 'jax-vmap'];
const CASES = ['mlp', 'cnn-small', 'cnn-cifar'];
const OPTIMIZER_PARTS = {
	'30M': ['adam-30M'],
	'64M': ['adam-64M'],
	'100M': ['adam-100M'],
	population: ['population-1000x6'],
	algorithms: ['sgd', 'momentum', 'nesterov', 'rmsprop', 'adamw', 'lion', 'lars', 'lamb'].map((name) => `${name}-64M`),
};

/** Tests of the back ends, files and folders: each honours GANNO_TEST_DEVICE, or is of the addon itself. */
const SUITES = {
	'tests-steps': ['test/addon', 'test/optimizer'],
	'tests-populations': ['test/networks'],
	'tests-environments': ['test/environment/real-environment.test.ts', 'test/tasks/starting-points'],
};
const EMULATED_SUITES = { 'tests-devices': ['test/addon/devices'] };

/**
 * Steps in order: name, stage, seconds it may take, and one of
 * - `program` and `words`: what runs; `json`: whether its standard output is a result file, gpu-NAME.json; `environment`: more variables
 * - `build`: gpu-check's own
 * @param options quick: shorter; emulated: tiny cases, on the emulated device
 */
export function steps(node, { quick, emulated }) {
	const found = [];
	const add = (stage, name, seconds, words, more = {}) =>
		found.push({ stage, name, seconds, program: node, words, ...more });
	found.push({ stage: 'build', name: 'build-native', seconds: 400, build: 'native' });
	found.push({ stage: 'build', name: 'build-typescript', seconds: 60, build: 'typescript' });

	const vitest = [join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', 'forks'];
	const onDevice = { environment: { GANNO_TEST_DEVICE: 'cuda:0' } };
	for (const [name, tests] of Object.entries(emulated ? EMULATED_SUITES : SUITES))
		add('tests', name, 240, [...vitest, ...tests], onDevice);

	const size = emulated ? ['--tiny'] : [];
	for (const tool of quick ? ['memcheck'] : ['memcheck', 'racecheck', 'initcheck', 'synccheck']) {
		for (const what of ['optimizer', 'population', 'tf32']) {
			const name = `${tool}-${what}`;
			const words = ['--tool', tool, '--error-exitcode', '9', node, 'scripts/gpu-cases.mjs', what, ...size];
			const watched = { stage: 'sanitizer', name, seconds: 150, optional: 'compute-sanitizer' };
			// What cuBLAS does in its own kernels is its own business; memcheck sees what it is given.
			if (tool !== 'memcheck') watched.environment = { GANNO_CUBLAS: 'off' };
			found.push(
				emulated
					? { ...watched, program: node, words: words.slice(5), optional: undefined }
					: { ...watched, program: 'compute-sanitizer', words },
			);
		}
	}

	const bench = (name) => join('build', 'bench', `${name}.js`);
	const shorter = quick ? ['--quick'] : [];
	if (emulated) {
		const few = ['--quick', '--tiny', '--rounds', '1'];
		const cpu = ['--contenders', 'ganno,ganno-no-statistics,copy-ceiling'];
		add(
			'optimizer',
			'optimizer-tiny',
			60,
			[bench('optimizer-device'), '--json', ...few, ...cpu, '--cases', 'adam-6400'],
			{ json: true },
		);
		const own = [bench('population-device'), '--json', ...few, '--cases', 'tiny-mlp'];
		add('population', 'population-tiny', 60, [...own, '--contenders', 'ganno'], { json: true });
		add('curves', 'curves', 60, [bench('curves'), '--json', '--quick', '--tiny'], { json: true });
		return found;
	}
	for (const [part, cases] of Object.entries(OPTIMIZER_PARTS)) {
		add(
			'optimizer',
			`optimizer-${part}`,
			300,
			[bench('optimizer-device'), '--json', ...shorter, '--cases', cases.join()],
			{ json: true },
		);
	}
	for (const name of CASES) {
		const words = [bench('population-device'), '--json', ...shorter, '--cases', name];
		const groups = { '': ['ganno-validation', ...RIVALS], '-statistics': RIVALS.map((rival) => `${rival}-statistics`) };
		groups['-tf32'] = ['ganno-tf32', ...RIVALS.map((rival) => `${rival}-tf32`)];
		for (const [suffix, contenders] of Object.entries(groups)) {
			if (quick && suffix !== '') continue;
			const chosen = ['--contenders', ['ganno', ...contenders].join()];
			add('population', `population-${name}${suffix}`, 420, [...words, ...chosen], { json: true });
		}
	}
	add(
		'population',
		'population-scaling',
		300,
		[bench('population-device'), '--json', ...shorter, '--scaling', '--rounds', '2'],
		{ json: true },
	);
	add('curves', 'curves', 120, [bench('curves'), '--json', ...shorter], { json: true });
	return found;
}
