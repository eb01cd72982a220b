import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../package-files.js';
import { quote, shell } from '../../shell-words.js';
import type { SearchResult } from './locate.js';
import type { DatasetDefinition } from './sources.js';

/** Advice for a data set that is neither on the machine nor could be downloaded: commands to paste, files and folders by name. */

/** The option that accepts a part of a data set. */
export const PARTIAL_OPTION = '--set partialDataset=true (in a program: the option partial)';

interface Solution {
	readonly text: string;
	/** On a line of its own, to be pasted. */
	readonly command?: string;
}

/**
 * @param folder where ganno keeps it
 * @param places the folders searched, and what each held
 * @param download whether a download was tried
 */
export function obtainingAdvice(
	definition: DatasetDefinition,
	folder: string,
	{ places }: Pick<SearchResult, 'places'>,
	download: boolean,
): string {
	const { debian, downloads, name, format } = definition;
	const files = downloads.map((file) => file.name).join(', ');
	const solutions: readonly Solution[] = [
		...(debian === undefined
			? []
			: [{ text: 'On Debian, install its package:', command: asRoot(shell`apt-get install ${debian.package}`) }]),
		...subsetSolutions(definition),
		...(format === 'cifar' && places.some(({ finding }) => finding.startsWith('lacks'))
			? [{ text: `Use the part that is there, and say so beside every figure: ${PARTIAL_OPTION}.` }]
			: []),
		{
			text: download
				? 'Run again: a broken download goes on where it stopped.'
				: 'Allow the download: --download with a suite, the option download in a program.',
		},
		{
			text: `Put ${files} into ${folder}, by a program that knows your proxy (Node takes no notice of proxy variables) or by hand:`,
			command: downloadCommand(definition, folder),
		},
		{
			text: `Keep the files elsewhere: --data-dir, GANNO_DATA_DIR or the option dataDirectory names the folder, which holds them or a folder ${name} that does.`,
		},
		{
			text: `Have a server of your own that offers them as …/${name}/${downloads[0]?.name}: GANNO_DATA_URL is the address before /${name}.`,
		},
		{ text: `Take another data set: ${otherDatasets(definition)}.` },
	];
	return ['Possible solutions:', ...solutions.flatMap(solutionLines)].join('\n');
}

function solutionLines({ text, command }: Solution): string[] {
	return [`  - ${text}`, ...(command === undefined ? [] : [`      ${command}`])];
}

/** A script of the repository that makes a part of the data set; a package from npm has no scripts. */
function subsetSolutions({ subset }: DatasetDefinition): Solution[] {
	if (subset === undefined || !existsSync(join(packageRoot, subset.script))) return [];
	const script = process.cwd() === packageRoot ? subset.script : join(packageRoot, subset.script);
	return [{ text: `Make ${subset.of}, then run again with ${PARTIAL_OPTION}:`, command: shell`${script}` }];
}

function downloadCommand({ downloads, mirrors }: DatasetDefinition, folder: string): string {
	const names = downloads.map(({ name }) => name);
	// curl fetches each of {a,b}.
	const address = `${mirrors[0]}${names.length === 1 ? names[0] : `{${names.join(',')}}`}`;
	return `curl -fL --create-dirs --output-dir ${quote(folder)} --remote-name-all ${quote(address)}`;
}

function asRoot(command: string): string {
	return process.getuid?.() === 0 ? command : `sudo ${command}`;
}

function otherDatasets({ debian }: DatasetDefinition): string {
	const without = '--dataset synthetic needs no files (in a program: syntheticDataset)';
	return debian === undefined ? `--dataset fashion-mnist is a package of Debian's, ${without}` : without;
}
