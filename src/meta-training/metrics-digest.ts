import { createHash } from 'node:crypto';
import { counted } from '../counted.js';
import { badFile } from '../files/file-system-error.js';
import type { MetricsRecord } from '../runs/run-directory.js';
import { CLOCK_METRICS } from './iteration-metrics.js';

/** A digest of metrics line by line, kept in each checkpoint: what a run says of itself must be what it found. */

/** Before any line. */
export const NO_METRICS = '';

/** The digest after one more line; the clock plays no part in it, so runs of the same bits have the same. */
export function nextMetricsDigest(digest: string, record: MetricsRecord): string {
	const learned = Object.fromEntries(Object.entries(record).filter(([key]) => !CLOCK_METRICS.includes(key)));
	return createHash('sha256')
		.update(digest + JSON.stringify(learned))
		.digest('hex');
}

/**
 * @param records of the iterations before the checkpoint's
 * @param expected what the checkpoint says; undefined where it is of a version that said nothing
 * @returns their digest
 * @throws GannoError `BAD_FILE` where an iteration is missing, or the lines are not those that the checkpoint knows
 */
export function checkMetrics(
	path: string,
	records: readonly MetricsRecord[],
	iterations: number,
	expected: string | undefined,
): string {
	const digest = records.reduce(nextMetricsDigest, NO_METRICS);
	if (expected === undefined) return digest;
	const advice = 'Restore it; without the file the run goes on too, and its metrics begin at the checkpoint';
	const first = iterations - records.length;
	const gap = records.findIndex(({ iteration }, i) => iteration !== first + i);
	if (gap >= 0) {
		throw badFile(path, `line ${gap + 1} is of iteration ${records[gap]?.iteration}, not ${first + gap}`, advice);
	}
	if (digest !== expected) {
		throw badFile(
			path,
			`its lines of the ${counted(iterations, 'iteration')} before the checkpoint are not those that were written: a line was changed, or it is of another run`,
			advice,
		);
	}
	return digest;
}
