import { InvalidArgumentError, Option } from 'commander';

/** A path on the command line. An empty one is a shell variable that is not set: never the current folder, nor no path at all. */
export function parsePath(value: string): string {
	if (value === '')
		throw new InvalidArgumentError('Expected a path but received an empty text; is a variable not set?');
	return value;
}

export function pathOption(flags: string, description: string): Option {
	return new Option(flags, description).argParser(parsePath);
}

/** As {@link pathOption}, repeatable. */
export function pathsOption(flags: string, description: string): Option {
	return new Option(flags, description).argParser((value: string, previous: readonly string[] | undefined) => [
		...(previous ?? []),
		parsePath(value),
	]);
}
