import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

/**
 * The rooms of `src/` from the bottom up, and what each may import, types included: the arrows run one way, so a room imports none that stands
 * below it here. The files beside the rooms (errors, arguments, native) are open to all.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
	files: [],
	optimizer: [],
	tensorflow: [],
	report: ['files'],
	datasets: ['files'],
	networks: ['optimizer', 'datasets'],
	tasks: ['networks', 'optimizer', 'datasets'],
	environment: ['tasks', 'networks', 'optimizer', 'datasets'],
	schedules: ['environment', 'tasks', 'networks', 'optimizer'],
	policy: ['environment', 'files'],
	learner: ['policy', 'environment', 'tasks', 'tensorflow'],
	rollouts: ['learner', 'policy', 'schedules', 'environment', 'tasks', 'networks', 'optimizer', 'datasets'],
	control: ['policy', 'schedules', 'environment', 'networks', 'optimizer', 'files'],
	tfjs: ['control', 'tensorflow', 'networks', 'optimizer', 'files'],
	config: ['schedules', 'environment', 'tasks', 'networks', 'optimizer', 'datasets', 'files'],
	runs: ['config', 'rollouts', 'policy', 'environment', 'tasks', 'networks', 'optimizer', 'datasets', 'files'],
	'meta-training': [
		'runs',
		'config',
		'rollouts',
		'learner',
		'policy',
		'environment',
		'tasks',
		'optimizer',
		'datasets',
		'files',
	],
	search: ['runs', 'config', 'rollouts', 'policy', 'tasks', 'networks', 'optimizer', 'datasets', 'report', 'files'],
	evaluation: [
		'runs',
		'config',
		'rollouts',
		'policy',
		'schedules',
		'environment',
		'tasks',
		'networks',
		'optimizer',
		'datasets',
		'report',
		'files',
	],
	cli: [
		'evaluation',
		'search',
		'meta-training',
		'runs',
		'config',
		'rollouts',
		'policy',
		'environment',
		'tasks',
		'optimizer',
		'datasets',
		'tensorflow',
		'report',
		'files',
	],
};

interface Import {
	readonly from: string;
	readonly to: string;
	readonly onlyTypes: boolean;
}

const sources = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
	path.endsWith('.ts'),
);

function importsOf(path: string): Import[] {
	const text = readFileSync(join(packageRoot, 'src', path), 'utf8');
	const statements = text.matchAll(
		/^(?:import|export)\b(\s+type\b)?[^;'"]*?from '(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm,
	);
	return [...statements].map(([, type, named, lazy]) => ({
		from: path,
		to: normalize(join(dirname(path), (named ?? lazy) as string)).replace(/\.js$/, '.ts'),
		onlyTypes: type !== undefined,
	}));
}

/** `src/`'s folder of a file; undefined for the files beside the folders. */
function roomOf(path: string): string | undefined {
	const [room, file] = path.split('/');
	return file === undefined ? undefined : room;
}

const imports = sources.flatMap(importsOf);

describe('the house', () => {
	it('has no room that this test does not know', () => {
		const rooms = new Set(sources.flatMap((path) => roomOf(path) ?? []));
		expect([...rooms].filter((room) => !(room in ARROWS))).toEqual([]);
		expect(Object.keys(ARROWS).filter((room) => !rooms.has(room))).toEqual([]);
		expect(imports.length).toBeGreaterThan(sources.length);
	});

	it('has rooms in order: none imports one that stands below it', () => {
		const order = Object.keys(ARROWS);
		const wrong = Object.entries(ARROWS).flatMap(([room, others]) =>
			others.filter((other) => order.indexOf(other) >= order.indexOf(room)).map((other) => `${room} → ${other}`),
		);
		expect(wrong).toEqual([]);
	});

	it('has no two files of one name', () => {
		const names = sources.map((path) => path.split('/').at(-1) as string).filter((name) => name !== 'index.ts');
		expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual(['episode.ts']);
	});

	it('has no arrow backwards', () => {
		const wrong = imports.filter(({ from, to, onlyTypes }) => {
			const [room, other] = [roomOf(from), roomOf(to)];
			if (room === undefined || other === undefined || room === other) return false;
			if (to.startsWith('..')) return !onlyTypes; // binding.d.ts
			return !ARROWS[room]?.includes(other);
		});
		expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
	});

	it('has no rooms under the files that all rooms use', () => {
		const wrong = imports.filter(
			({ from, to }) => from !== 'index.ts' && roomOf(from) === undefined && roomOf(to) !== undefined,
		);
		expect(wrong.filter(({ to }) => !to.startsWith('..')).map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
	});

	it('has no circles, types apart', () => {
		const edges = new Map(
			sources.map((path) => [path, imports.filter(({ from, onlyTypes }) => from === path && !onlyTypes)]),
		);
		const done = new Set<string>();
		const visit = (path: string, trail: readonly string[]): void => {
			expect(trail, `a circle of imports: ${[...trail, path].join(' → ')}`).not.toContain(path);
			if (done.has(path)) return;
			for (const { to } of edges.get(path) ?? []) visit(to, [...trail, path]);
			done.add(path);
		};
		for (const path of sources) visit(path, []);
	});

	it('has one door to the addon', () => {
		const users = sources.filter((path) => /\.node['"`]/.test(readFileSync(join(packageRoot, 'src', path), 'utf8')));
		expect(users).toEqual(['native.ts']);
	});

	it('keeps the addon apart from its kernels: only native/node knows Node', () => {
		const native = readdirSync(join(packageRoot, 'native'), { recursive: true, encoding: 'utf8' });
		const lines = native
			.filter((path) => /\.(cc|h|cpp|cu)$/.test(path))
			.flatMap((path) => {
				const text = readFileSync(join(packageRoot, 'native', path), 'utf8');
				return [...text.matchAll(/^#include [<"]([^>"]+)[>"]/gm)].map(([, header]) => ({
					path,
					header: header as string,
				}));
			});
		const setup = lines.filter(({ header }) => header === 'napi.h' || header === 'node_api.h');
		expect(setup.map(({ path }) => path)).toEqual(['node/napi_setup.h']);
		const backwards = lines.filter(
			({ path, header }) =>
				(!path.startsWith('node/') && header.startsWith('node/')) ||
				(path.startsWith('core/') && /^(cpu|cuda)\//.test(header)),
		);
		expect(backwards).toEqual([]);
	});
});
