import { createHash } from 'node:crypto';
import { badFile } from '../../files/file-system-error.js';
import { PARTIAL } from './obtaining.js';
import { DATASETS, type DatasetDefinition } from './sources.js';

/** What tells data sets whose files have the same names from each other. */
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

/** Whose a file is: of a data set, or of nobody known. */
export interface Finding {
	readonly path: string;
	readonly digest: string;
	readonly owner: KnownDataset | undefined;
	/** Which of its owner's files it is; undefined where only the labels told. */
	readonly file: string | undefined;
}

/**
 * Whose each file is.
 * @param files in the order of `definition.files`, their contents decompressed
 */
export function identifyFiles(
	definition: DatasetDefinition,
	files: readonly { readonly path: string; readonly content: Uint8Array }[],
	known: readonly KnownDataset[],
): Finding[] {
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
export function areOfficial(definition: DatasetDefinition, findings: readonly Finding[]): boolean | undefined {
	if (definition.contents === undefined || definition.contents.length === 0) return undefined;
	return findings.every((finding, i) => isRight(definition, finding, i));
}

/** @throws GannoError `BAD_FILE` where a file is known, as another than it is taken for */
export function refuseOthers(definition: DatasetDefinition, findings: readonly Finding[]): void {
	const wrong = findings.findIndex((finding, i) => finding.owner !== undefined && !isRight(definition, finding, i));
	if (wrong >= 0) throw mistaken(definition, findings, wrong);
}

/** @throws GannoError `BAD_FILE` where a file is not the official one */
export function refuseUnofficial(definition: DatasetDefinition, findings: readonly Finding[]): void {
	const wrong = findings.findIndex((finding, i) => !isRight(definition, finding, i));
	if (areOfficial(definition, findings) === false) throw mistaken(definition, findings, wrong);
}

function isRight(definition: DatasetDefinition, { owner, file }: Finding, index: number): boolean {
	return owner === definition && file === definition.files[index];
}

function mistaken(
	{ name, title, files, contents = [] }: DatasetDefinition,
	findings: readonly Finding[],
	wrong: number,
): Error {
	const described = findings.map(({ owner, file }, i) => {
		const other = file === undefined || file === files[i] ? '' : `${file} of `;
		return `${files[i]}: ${owner === undefined ? 'of no data set known' : `${other}${owner.title}`}`;
	});
	const here = `(here are ${described.join(', ')})`;
	const { path, digest, owner, file } = findings[wrong] as Finding;
	if (owner === undefined) {
		return badFile(
			path,
			`it is not the file of ${title}: the SHA-256 of its content is ${digest}, not ${contents[wrong]} ${here}`,
			`Get it again; files of your own take ${PARTIAL}`,
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
