import { GannoError } from '../../errors.js';

/** What an option of the form NAME=FILE says. */
export interface NamedPath {
	readonly name: string;
	readonly path: string;
}

/**
 * The values of an option that is given once or more.
 * @param taken names that others have
 * @throws GannoError `INVALID_ARGUMENT` where one is not of the form NAME=FILE, or a name is there twice
 */
export function namedPaths(
	option: string,
	texts: readonly string[] = [],
	taken: readonly string[] = [],
): readonly NamedPath[] {
	const paths = texts.map((text): NamedPath => {
		const at = text.indexOf('=');
		if (at < 1 || at === text.length - 1) {
			throw new GannoError('INVALID_ARGUMENT', `Expected NAME=FILE for ${option} but received ${JSON.stringify(text)}`);
		}
		return { name: text.slice(0, at), path: text.slice(at + 1) };
	});
	const names = [...taken, ...paths.map(({ name }) => name)];
	const twice = names.find((name, i) => names.indexOf(name) !== i);
	if (twice !== undefined) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The name ${JSON.stringify(twice)} of ${option} is given twice; give every contender a name of its own`,
		);
	}
	return paths;
}
