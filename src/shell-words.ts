/** What a shell takes as it stands. Letters of other alphabets are such; a leading ~ is not. */
const PLAIN = /^[\p{L}\p{N}_@%+=:,./-]+$/u;

/**
 * A command to be pasted into a shell: shell`rm ${path}`. What is put in becomes one word each, and none of them an option.
 */
export function shell(text: TemplateStringsArray, ...words: readonly string[]): string {
	return String.raw({ raw: text }, ...words.map((word) => quote(word.startsWith('-') ? `./${word}` : word)));
}

/** A word as a shell takes it, an option among them as it is. */
export function quote(word: string): string {
	if (PLAIN.test(word)) return word;
	// cmd.exe knows no others; no path on Windows holds a double quote.
	if (process.platform === 'win32') return /^[\w\\:.-]+$/.test(word) ? word : `"${word}"`;
	return `'${word.replaceAll("'", "'\\''")}'`;
}
