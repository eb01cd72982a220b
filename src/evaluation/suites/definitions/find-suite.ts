import { GannoError } from '../../../errors.js';
import { fileSystemError } from '../../../files/file-system-error.js';
import { readTextFile } from '../../../files/text-file.js';
import { HELD_OUT_SUITE } from './held-out-suite.js';
import { QUICK_SUITE } from './quick-suite.js';
import { parseSuite, type Suite } from './suite-spec.js';

const SUITES = { 'held-out': HELD_OUT_SUITE, quick: QUICK_SUITE } as const;

/** The names of the built-in suites. */
export const SUITE_NAMES = Object.keys(SUITES) as readonly (keyof typeof SUITES)[];

/**
 * A built-in suite by its name, or a user's from a JSON file.
 * @throws GannoError `INVALID_CONFIG`, `FILE_SYSTEM`
 */
export function findSuite(nameOrFile: string): Suite {
	if (Object.hasOwn(SUITES, nameOrFile)) {
		return parseSuite(SUITES[nameOrFile as keyof typeof SUITES], `the suite '${nameOrFile}'`);
	}
	if (!/[./\\]/.test(nameOrFile)) {
		throw new GannoError(
			'INVALID_CONFIG',
			`Expected ${SUITE_NAMES.join(', ')} or a JSON file for --suite but received ${JSON.stringify(nameOrFile)}`,
		);
	}
	let text: string;
	try {
		text = readTextFile(nameOrFile);
	} catch (error) {
		throw fileSystemError('read', nameOrFile, error);
	}
	let values: unknown;
	try {
		values = JSON.parse(text);
	} catch (error) {
		throw new GannoError('INVALID_CONFIG', `The suite ${nameOrFile} is not JSON: ${(error as Error).message}`, {
			cause: error,
		});
	}
	return parseSuite(values, nameOrFile);
}
