import { type Dataset, datasetDigest } from '../datasets/dataset.js';
import { badFile } from '../files/file-system-error.js';
import type { LineLogOrigin } from '../files/line-log.js';
import { showValue } from '../settings/setting-values.js';

/** What decides the bits of a run: kept where it leaves something to go on from, and compared before it goes on. */
export interface RunOrigin {
	/** All settings but those that change no bit. */
	readonly settings: Readonly<Record<string, unknown>>;
	readonly data: DataRecord;
}

export interface DataRecord {
	readonly name: string;
	readonly shape: readonly number[];
	/** Training, validation, test. */
	readonly images: readonly [number, number, number];
	/** SHA-256 of images, labels and splits. */
	readonly digest: string;
}

export function dataRecord(dataset: Dataset): DataRecord {
	const { name, shape, splits } = dataset;
	const images = [splits.train.length, splits.validation.length, splits.test.length] as const;
	return { name, shape, images, digest: datasetDigest(dataset) };
}

/** Some settings, without the keys that decide nothing; as JSON has them, so that they compare equal to what was read from a file. */
export function decisiveSettings(
	settings: Readonly<Record<string, unknown>>,
	without: readonly string[],
): Record<string, unknown> {
	const kept = Object.entries(settings).filter(([key]) => !without.includes(key));
	return JSON.parse(JSON.stringify(Object.fromEntries(kept))) as Record<string, unknown>;
}

/**
 * @param complete what a file says of its settings as this version has them: with the defaults of keys that came later
 * @throws GannoError `BAD_FILE` that names every setting that differs with both values, and both data sets where they do
 */
export function compareOrigin(
	path: string,
	recorded: unknown,
	own: RunOrigin,
	complete: (settings: Record<string, unknown>) => Readonly<Record<string, unknown>>,
): void {
	const { settings, data } = (recorded ?? {}) as Partial<RunOrigin>;
	if (typeof settings !== 'object' || typeof data !== 'object' || data === null) {
		throw badFile(path, 'what it says of its settings and data cannot be read', 'Restore it, or begin anew');
	}
	const changes = differences(complete(settings as Record<string, unknown>), own.settings);
	if (JSON.stringify(data) !== JSON.stringify(own.data)) {
		changes.push(`the data set ${describeData(data)} then, ${describeData(own.data)} now`);
	}
	if (changes.length === 0) return;
	throw badFile(
		path,
		`it goes on from other settings or data. ${changes.join('; ')}`,
		'Restore config.json and the data set (--data-dir says where it lies), or begin anew',
	);
}

/** For a log that keeps its origin. */
export function logOrigin(
	own: RunOrigin,
	complete: (settings: Record<string, unknown>) => Readonly<Record<string, unknown>>,
): LineLogOrigin {
	return { value: own, compare: (recorded, path) => compareOrigin(path, recorded, own, complete) };
}

function differences(before: unknown, now: unknown, key = ''): string[] {
	if (isRecord(before) && isRecord(now)) {
		return [...new Set([...Object.keys(before), ...Object.keys(now)])].flatMap((name) =>
			differences(before[name], now[name], key === '' ? name : `${key}.${name}`),
		);
	}
	if (JSON.stringify(before) === JSON.stringify(now)) return [];
	return [`${key}: ${showValue(before)} then, ${showValue(now)} now`];
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describeData({ name, shape, images, digest }: DataRecord): string {
	const [train, validation, test] = images;
	return `${name} of ${train} + ${validation} + ${test} images of ${shape.join('×')} (SHA-256 ${digest.slice(0, 12)}…)`;
}
