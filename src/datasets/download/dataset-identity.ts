import { createHash } from 'node:crypto';
import { badFile } from '../../files/file-system-error.js';
import { PARTIAL_OPTION } from './obtaining.js';
import { DATASETS, type DatasetDefinition } from './sources.js';

/** What distinguishes data sets whose files have the same names. */
export type KnownDataset = Pick<DatasetDefinition, 'title' | 'firstLabels' | 'contents'> & {
	readonly name?: string;
	readonly files?: readonly string[];
};

/** Those of ganno, and others with files of the same names that people have. */
export const KNOWN_DATASETS: readonly KnownDataset[] = [
	...Object.values(DATASETS),
	{ title: 'KMNIST', firstLabels: [8, 7, 0, 1, 4, 2, 4, 8, 1, 1] },
];

/** The index of the file of training labels, and where in it they begin. */
const TRAIN_LABELS = 1;
const IDX_LABELS_START = 8;

/** The data set that a file belongs to, if it is a known one. */
export interface FileIdentity {
	readonly path: string;
	readonly digest: string;
	readonly owner: KnownDataset | undefined;
	/** Which of its owner's files it is; undefined where only the labels were recognised. */
	readonly file: string | undefined;
}

/**
 * The data set that each file belongs to.
 * @param files in the order of `definition.files`, their contents decompressed
 */
export function identifyFiles(
	definition: DatasetDefinition,
	files: readonly { readonly path: string; readonly content: Uint8Array }[],
	known: readonly KnownDataset[],
): FileIdentity[] {
	const others = known.filter(({ title }) => title !== definition.title);
	return files.map(({ path, content }, index) => {
		const digest = createHash('sha256').update(content).digest('hex');
		for (const owner of [definition, ...others]) {
			const at = owner.contents?.indexOf(digest) ?? -1;
			if (at >= 0) return { path, digest, owner, file: owner.files?.[at] };
		}
		// A part of a data set has another digest, but begins alike.
		const labels = content.subarray(IDX_LABELS_START);
		const owner =
			index === TRAIN_LABELS ? others.find(({ firstLabels }) => beginsWith(labels, firstLabels)) : undefined;
		return { path, digest, owner, file: undefined };
	});
}

function beginsWith(labels: Uint8Array, first: readonly number[] = []): boolean {
	return first.length > 0 && first.every((label, i) => labels[i] === label);
}

/** Whether all are the official files; undefined where the definition does not say what these hold. */
export function areOfficial(definition: DatasetDefinition, findings: readonly FileIdentity[]): boolean | undefined {
	if (definition.contents === undefined || definition.contents.length === 0) return undefined;
	return findings.every((finding, i) => isOfficial(definition, finding, i));
}

/** @throws GannoError `BAD_FILE` where a file is recognised as one of another data set */
export function refuseForeignFiles(definition: DatasetDefinition, findings: readonly FileIdentity[]): void {
	const wrong = findings.findIndex((finding, i) => finding.owner !== undefined && !isOfficial(definition, finding, i));
	if (wrong >= 0) throw identityError(definition, findings, wrong);
}

/** @throws GannoError `BAD_FILE` where a file is not the official one */
export function refuseUnofficialFiles(definition: DatasetDefinition, findings: readonly FileIdentity[]): void {
	const wrong = findings.findIndex((finding, i) => !isOfficial(definition, finding, i));
	if (areOfficial(definition, findings) === false) throw identityError(definition, findings, wrong);
}

function isOfficial(definition: DatasetDefinition, { owner, file }: FileIdentity, index: number): boolean {
	return owner === definition && file === definition.files[index];
}

function identityError(
	{ name, title, files, contents = [] }: DatasetDefinition,
	findings: readonly FileIdentity[],
	wrong: number,
): Error {
	const described = findings.map(({ owner, file }, i) => {
		const other = file === undefined || file === files[i] ? '' : `${file} of `;
		return `${files[i]}: ${owner === undefined ? 'of no data set known' : `${other}${owner.title}`}`;
	});
	const here = `(here are ${described.join(', ')})`;
	const { path, digest, owner, file } = findings[wrong] as FileIdentity;
	if (owner === undefined) {
		return badFile(
			path,
			`it is not the file of ${title}: the SHA-256 of its content is ${digest}, not ${contents[wrong]} ${here}`,
			`Get it again; files of your own take ${PARTIAL_OPTION}`,
		);
	}
	const what = file === undefined || file === files[wrong] ? 'it belongs to' : `it is ${file} of`;
	const not = owner.title === title ? `not ${files[wrong]}` : `not to ${title}`;
	const folders = owner.name === undefined || owner.name === name ? name : `${owner.name} and ${name}`;
	return badFile(
		path,
		`${what} ${owner.title}, ${not} ${here}`,
		`Put each data set in a folder of its own name, ${folders}`,
	);
}
