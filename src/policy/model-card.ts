import { checkObject, invalidArgument } from '../arguments.js';

/** What someone who is about to rely on a policy should know beside how it was trained. */
export interface ModelCard {
	/** SPDX identifier. */
	readonly licence: string;
	readonly summary: string;
	/** Results by name, each with its interval, and the file all runs stand in. */
	readonly evaluation: Readonly<Record<string, string>>;
	/** Where it fails, or was not tried. */
	readonly limitations: readonly string[];
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function checkCard(value: unknown, name: string): ModelCard {
	checkObject(value, name);
	const card = value as Partial<ModelCard>;
	for (const key of ['licence', 'summary'] as const) {
		if (typeof card[key] !== 'string') throw invalidArgument('a string', `${name}.${key}`, card[key]);
	}
	const { evaluation, limitations } = card;
	if (!isRecordOfStrings(evaluation)) {
		throw invalidArgument('an object of strings', `${name}.evaluation`, evaluation);
	}
	if (!Array.isArray(limitations) || !limitations.every((each) => typeof each === 'string')) {
		throw invalidArgument('an array of strings', `${name}.limitations`, limitations);
	}
	return card as ModelCard;
}

function isRecordOfStrings(value: unknown): boolean {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
	return Object.values(value).every((each) => typeof each === 'string');
}

/** The card as `ganno info` prints it. */
export function cardLines(card: ModelCard | undefined): { readonly name: string; readonly value: string }[] {
	if (card === undefined) return [];
	return [
		{ name: 'licence', value: card.licence },
		{ name: 'summary', value: card.summary },
		...Object.entries(card.evaluation).map(([name, value]) => ({ name: 'evaluation', value: `${name}: ${value}` })),
		...card.limitations.map((value) => ({ name: 'limitation', value })),
	];
}
