/** What every benchmark can be told on its command line. */
export interface BenchmarkOptions {
	/** One JSON object on standard output instead of a table. */
	readonly json: boolean;
	/** Fewer and shorter rounds: good for trying, not for quoting. */
	readonly quick: boolean;
	readonly rounds: number;
	/** Only these cases (comma-separated names); empty: all. */
	readonly cases: readonly string[];
	/** Only these contenders; empty: all. */
	readonly contenders: readonly string[];
	/** The benchmark's own switches that were given. */
	readonly switches: ReadonlySet<string>;
}

/**
 * Reads `process.argv`; prints the usage and ends the process on `--help` or on an option it does not know.
 * @param own switches of this benchmark alone, each with what it does
 */
export function parseOptions(
	name: string,
	about: string,
	defaults: { rounds: number; quickRounds: number },
	own: Readonly<Record<string, string>> = {},
): BenchmarkOptions {
	const ownNames = Object.keys(own);
	const usage = `Usage: npm run ${name} -- [--json] [--quick] [--rounds N] [--cases A,B] [--contenders A,B]${ownNames.map((each) => ` [${each}]`).join('')}

${about}

  --json             one JSON object on standard output (progress always goes to standard error)
  --quick            fewer and shorter rounds: good for trying, not for quoting
  --rounds N         rounds per case (default ${defaults.rounds}; with --quick ${defaults.quickRounds})
  --cases A,B        only these cases
  --contenders A,B   only these contenders
${ownNames.map((each) => `  ${each.padEnd(17)}  ${own[each]}\n`).join('')}`;
	let json = false;
	let quick = false;
	let rounds: number | undefined;
	let cases: string[] = [];
	let contenders: string[] = [];
	const switches = new Set<string>();
	const words = process.argv.slice(2);
	const stop = (message: string): never => {
		process.stderr.write(`${message}\n\n${usage}`);
		process.exit(2);
	};
	for (let i = 0; i < words.length; i++) {
		const [word, inline] = (words[i] as string).split('=', 2) as [string, string | undefined];
		const value = (): string => inline ?? words[++i] ?? stop(`${word} needs a value`);
		if (word === '--json') json = true;
		else if (word === '--quick') quick = true;
		else if (Object.hasOwn(own, word)) switches.add(word);
		else if (word === '--rounds') {
			rounds = Number(value());
			if (!Number.isInteger(rounds) || rounds < 1) stop('--rounds takes a whole number of at least 1');
		} else if (word === '--cases') cases = value().split(',');
		else if (word === '--contenders') contenders = value().split(',');
		else if (word === '--help' || word === '-h') {
			process.stdout.write(usage);
			process.exit(0);
		} else stop(`Unknown option ${word}`);
	}
	return {
		json,
		quick,
		rounds: rounds ?? (quick ? defaults.quickRounds : defaults.rounds),
		cases,
		contenders,
		switches,
	};
}

/** Whether `name` is wanted by a list that is empty when everything is. */
export function wanted(list: readonly string[], name: string): boolean {
	return list.length === 0 || list.includes(name);
}

export function progress(message: string): void {
	process.stderr.write(`${message}\n`);
}
