import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { obtainingAdvice } from '../../src/datasets/download/obtaining.js';
import { DATASET_NAMES, DATASETS, type DatasetDefinition } from '../../src/datasets/download/sources.js';
import { packageRoot } from '../../src/package-files.js';

const ways = (definition: DatasetDefinition, findings: readonly string[] = []): string =>
	obtainingAdvice(
		definition,
		'/my cache/data',
		{ places: findings.map((finding) => ({ folder: '/elsewhere', finding })) },
		true,
	);

/** The lines that are to be pasted. */
const commands = (text: string): string[] =>
	[...text.matchAll(/^ {6}(\S.*)$/gm)].map(([, command]) => command as string);

describe('what to do about a data set that cannot be had', () => {
	it.each(DATASET_NAMES)(
		'%s: which files go where, a command that fetches them, a server, another data set',
		(name) => {
			const definition: DatasetDefinition = DATASETS[name];
			const text = ways(definition);
			const files = definition.downloads.map((file) => file.name);
			expect(text).toContain(`Put ${files.join(', ')} into /my cache/data, `);
			const fetching = commands(text).at(-1) as string;
			expect(fetching).toContain("--output-dir '/my cache/data' ");
			expect(fetching).toContain(definition.mirrors[0]);
			for (const file of files) expect(fetching).toContain(file);
			expect(text).toContain(`…/${name}/${files[0]}: GANNO_DATA_URL`);
			for (const word of ['--data-dir', 'GANNO_DATA_DIR', '--dataset synthetic']) expect(text).toContain(word);
			expect(text.includes('--dataset fashion-mnist')).toBe(name !== 'fashion-mnist');
		},
	);

	it("names Debian's package where there is one, with sudo for those who are not root", () => {
		const user = vi.spyOn(process, 'getuid' as never) as unknown as { mockReturnValue(id: number): void };
		user.mockReturnValue(1000);
		expect(commands(ways(DATASETS['fashion-mnist']))[0]).toBe('sudo apt-get install dataset-fashion-mnist');
		user.mockReturnValue(0);
		expect(commands(ways(DATASETS['fashion-mnist']))[0]).toBe('apt-get install dataset-fashion-mnist');
		vi.restoreAllMocks();
		for (const name of ['mnist', 'cifar-10', 'svhn'] as const) expect(ways(DATASETS[name])).not.toContain('apt-get');
	});

	it('names the script that makes a part of MNIST, as it can be called from where one is', () => {
		const text = ways(DATASETS.mnist);
		expect(text).toContain('--set partialDataset=true');
		expect(commands(text)[0]).toBe('scripts/mnist-subset');
		accessSync(join(packageRoot, commands(text)[0] as string), constants.X_OK);
		vi.spyOn(process, 'cwd').mockReturnValue('/');
		expect(commands(ways(DATASETS.mnist))[0]).toBe(join(packageRoot, 'scripts', 'mnist-subset'));
		vi.restoreAllMocks();
	});

	it('names no script that is not there, as in a package from npm', () => {
		const text = ways({ ...DATASETS.mnist, subset: { script: 'scripts/none', of: 'something' } });
		expect(text).not.toMatch(/scripts|partialDataset/);
		expect(commands(text)).toHaveLength(1);
	});

	it('says that a part of CIFAR-10 will do, where one is there', () => {
		expect(ways(DATASETS['cifar-10'], ['no such folder'])).not.toContain('partialDataset');
		expect(ways(DATASETS['cifar-10'], ['lacks data_batch_2.bin'])).toContain('--set partialDataset=true');
	});
});
