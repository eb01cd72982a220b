/** Lines of a shell as words: as much of the language as commands in a manual need. */

export interface ShellCommand {
	/** In the block, from 0. */
	readonly line: number;
	/** What it sets for itself: `NAME=value` before the command. */
	readonly variables: Readonly<Record<string, string>>;
	readonly words: readonly string[];
}

/** A word (with quotes still in it), an operator, or a comment. */
const TOKEN = /#.*$|\s+|&&|\|\||[;|]|(?:\d?>{1,2}|<)|(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\;|&<>#]|(?<=\S)#)+/gy;
const SEPARATORS = new Set(['&&', '||', ';', '|']);

function unquoted(word: string): string {
	return word.replace(/'([^']*)'|"([^"]*)"|\\(.)/g, (_, single, double, escaped) => single ?? double ?? escaped);
}

/**
 * The commands of some lines, without comments and redirections.
 * @throws Error for what is no complete line, and for `<run>` and the like: to a shell that is the file `run`
 */
export function shellCommands(lines: readonly string[]): readonly ShellCommand[] {
	return lines.flatMap((text, line) => {
		const commands: string[][] = [[]];
		let redirected = false;
		TOKEN.lastIndex = 0;
		let end = 0;
		for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
			end = TOKEN.lastIndex;
			const [token] = match;
			if (token.trim() === '' || token.startsWith('#')) continue;
			if (token === '<') throw new Error(`line ${line + 1}: a shell reads from a file after '<'`);
			if (SEPARATORS.has(token)) commands.push([]);
			else if (/^\d?>/.test(token)) redirected = true;
			else if (redirected) redirected = false;
			else (commands.at(-1) as string[]).push(unquoted(token));
		}
		if (end !== text.length) throw new Error(`line ${line + 1}: cannot read '${text.slice(end)}'`);
		return commands.filter((words) => words.length > 0).map((words) => command(line, words));
	});
}

function command(line: number, all: readonly string[]): ShellCommand {
	const start = all.findIndex((word) => !/^[A-Z_]+=/.test(word));
	const assignments = all.slice(0, start === -1 ? all.length : start);
	const variables = Object.fromEntries(
		assignments.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
	);
	return { line, variables, words: all.slice(assignments.length) };
}
