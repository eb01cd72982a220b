import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configReference } from '../../src/config/config.js';
import { packageRoot } from '../../src/native.js';
import { RESOURCE_KEYS } from '../../src/networks/population-resources.js';
import { searchConfigReference } from '../../src/search/search-config.js';
import { declaredProperties } from '../support/declared-properties.js';

/** The rows of the table under a heading of docs/architecture.md. */
function tableOf(heading: string): readonly (readonly string[])[] {
	const page = readFileSync(join(packageRoot, 'docs', 'architecture.md'), 'utf8');
	const section = page.slice(page.indexOf(`\n### ${heading}\n`) + 1).split(/\n#+ /)[0] ?? '';
	const rows = section.split('\n').filter((line) => line.startsWith('|'));
	return rows.slice(2).map((line) =>
		line
			.slice(1, -1)
			.split('|')
			.map((cell) => cell.trim()),
	);
}

/** Folders of `src/` and what each may import, as docs/architecture.md has them; a room's subfolders follow their room. */
const FOLDERS = new Map(
	tableOf('Rooms of src/').map(([folder = '', , others = '']) => [folder, others === '' ? [] : others.split(', ')]),
);
const ROOMS = new Map([...FOLDERS].filter(([folder]) => !folder.includes('/')));
/** Settings: names that one interface declares. All others extend it, pick from it, or infer their type from a schema. */
const SETTINGS: readonly string[] = RESOURCE_KEYS;

/** Who may use such a word for something else, and why. */
const OTHER_MEANINGS: Readonly<Record<string, string>> = {
	'optimizer/optimizer-options.ts LayerwiseOptimizerOptions.device':
		"where one step over the caller's arrays is computed, 'reference' included; no population is there",
	'optimizer/optimizer-options.ts LayerwiseOptimizerOptions.threads': "of one step over the caller's arrays",
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
	it('has the folders that docs/architecture.md lists', () => {
		const folders = new Set(sources.map((path) => dirname(path)).filter((folder) => folder !== '.'));
		expect([...FOLDERS.keys()].sort()).toEqual([...folders].sort());
		expect(imports.length).toBeGreaterThan(sources.length);
		const native = readdirSync(join(packageRoot, 'native'), { withFileTypes: true }).filter((entry) =>
			entry.isDirectory(),
		);
		const listed = tableOf('Folders of native/').map(([folder]) => folder);
		expect(listed.toSorted()).toEqual(native.map(({ name }) => name).toSorted());
	});

	it('has rooms in order: none imports one that stands below it in the table', () => {
		const order = [...ROOMS.keys()];
		const wrong = [...ROOMS].flatMap(([room, others]) =>
			others
				.filter((other) => !ROOMS.has(other) || order.indexOf(other) >= order.indexOf(room))
				.map((other) => `${room} → ${other}`),
		);
		expect(wrong).toEqual([]);
	});

	it('has no arrow in the table that no file needs', () => {
		const needed = new Set(imports.map(({ from, to }) => `${roomOf(from)} → ${roomOf(to)}`));
		const arrows = [...ROOMS].flatMap(([room, others]) => others.map((other) => `${room} → ${other}`));
		expect(arrows.filter((arrow) => !needed.has(arrow))).toEqual([]);
	});

	it('has no two files of one name', () => {
		const names = sources.map((path) => path.split('/').at(-1) as string).filter((name) => name !== 'index.ts');
		expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
	});

	it('has no arrow backwards', () => {
		const wrong = imports.filter(({ from, to, onlyTypes }) => {
			const [room, other] = [roomOf(from), roomOf(to)];
			if (room === undefined || other === undefined || room === other) return false;
			if (to.startsWith('..')) return !onlyTypes; // binding.d.ts
			return !ROOMS.get(room)?.includes(other);
		});
		expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
	});

	it('has no rooms under the files that all rooms use', () => {
		const wrong = imports.filter(
			({ from, to }) => from !== 'index.ts' && roomOf(from) === undefined && roomOf(to) !== undefined,
		);
		expect(wrong.filter(({ to }) => !to.startsWith('..')).map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
	});

	it('has no circles, of types either', () => {
		const edges = new Map(sources.map((path) => [path, imports.filter(({ from }) => from === path)]));
		const done = new Set<string>();
		const visit = (path: string, trail: readonly string[]): void => {
			expect(trail, `a circle of imports: ${[...trail, path].join(' → ')}`).not.toContain(path);
			if (done.has(path)) return;
			for (const { to } of edges.get(path) ?? []) visit(to, [...trail, path]);
			done.add(path);
		};
		for (const path of sources) visit(path, []);
	});

	it('declares every setting once', () => {
		const places = declaredProperties()
			.filter(({ name }) => SETTINGS.includes(name))
			.map(({ name, owner }) => ({ name, place: `${owner}.${name}` }));
		const others = Object.keys(OTHER_MEANINGS);
		expect(others.filter((other) => !places.some(({ place }) => place === other))).toEqual([]);
		const declared = places.filter(({ place }) => !others.includes(place));
		const counts = SETTINGS.map((setting) => [
			setting,
			declared.flatMap(({ name, place }) => (name === setting ? place : [])),
		]);
		expect(counts.filter(([, owners]) => owners?.length !== 1)).toEqual([]);
	});

	it('has one door to the addon', () => {
		const users = sources.filter((path) => /\.node['"`]/.test(readFileSync(join(packageRoot, 'src', path), 'utf8')));
		expect(users).toEqual(['native.ts']);
	});

	it('keeps the addon apart from its kernels: only a room called node knows Node', () => {
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
				(!/^(bench\/)?node\//.test(path) && /^(bench\/)?node\//.test(header)) ||
				(!/^bench\/|^node\/emulation\//.test(path) && header.startsWith('bench/')) ||
				(path.startsWith('core/') && /^(cpu|cuda)\//.test(header)),
		);
		expect(backwards).toEqual([]);
	});
});

describe('each setting', () => {
	/** Interfaces with keys that are called as settings are, and why these are something else. */
	const OTHERS: Readonly<Record<string, string>> = {
		TrainingTask: 'one task, drawn from what the settings leave open',
		NetworkPopulationOptions: 'the networks of one task',
		BatchOrder: 'of one task',
		DecisionContext: 'what a controller sees of one training',
		LayerwiseControllerState: 'what a controller has kept of one training',
		LoadDatasetOptions: 'data sets are loaded without a config too',
		DatasetDefinition: 'the split that a data set comes with',
		PolicySpec: 'what a policy file records of the settings that it was made under',
		UpdateMetrics: 'what was in force in one update',
		DatasetView: 'the labels of one task',
		EvaluationTable: 'what an evaluation was about, in its result',
		LayerwiseTfOptimizerOptions: 'an optimiser for trainings elsewhere',
	};

	/** Words that settings share with much else. */
	const COMMON = ['learningRate', 'learningRates', 'batchSize', 'weightDecay', 'baseSchedule'];

	/** Of the machine: in interfaces that carry them they are resources, which have a rule of their own. */
	const RESOURCES = ['device', 'precision'];

	/** The keys of each section, without the sections. */
	const sections = [configReference(), searchConfigReference()].flatMap((keys) => {
		const bySection = new Map<string, string[]>();
		for (const { key } of keys) {
			const [name = '', section = ''] = key.split('.').toReversed();
			if (!RESOURCES.includes(name)) bySection.set(section, [...(bySection.get(section) ?? []), name]);
		}
		return [...bySection.values()];
	});

	/** Keys that an interface, or a type of an object, declares itself. */
	function declared(path: string): { readonly name: string; readonly keys: readonly string[] }[] {
		const text = readFileSync(join(packageRoot, 'src', path), 'utf8');
		const types = text.matchAll(/^(?:export )?(?:interface (\w+)[^{]*|type (\w+)[^={]*= )\{\n(.*?)^\}/gms);
		return [...types].map(([, ofInterface, ofType, body]) => ({
			name: (ofInterface ?? ofType) as string,
			keys: [...(body as string).matchAll(/^\t(?:readonly )?(\w+)\??:/gm)].map(([, key]) => key as string),
		}));
	}

	const interfaces = sources.flatMap(declared);

	it('is declared once: no interface has a key of its own that only a setting is called', () => {
		const names = new Set(sections.flat().filter((name) => /[A-Z]/.test(name) && !COMMON.includes(name)));
		const again = interfaces.flatMap(({ name, keys }) =>
			name in OTHERS ? [] : keys.filter((key) => names.has(key)).map((key) => `${name}.${key}`),
		);
		expect(names.size).toBeGreaterThan(40);
		expect(again).toEqual([]);
	});

	it('is declared once: no interface states three keys of one section again', () => {
		const again = interfaces.filter(
			({ name, keys }) =>
				!(name in OTHERS) && sections.some((section) => keys.filter((key) => section.includes(key)).length >= 3),
		);
		expect(again.map(({ name, keys }) => `${name}: ${keys.join(', ')}`)).toEqual([]);
	});

	it('has no other meaning that is not there any more', () => {
		const known = new Set(interfaces.map(({ name }) => name));
		expect(Object.keys(OTHERS).filter((name) => !known.has(name))).toEqual([]);
	});
});
