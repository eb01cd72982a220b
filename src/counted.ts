/** `1 iteration`, `3 iterations`, `0 iterations`. @param plural where it is more than an added s */
export function counted(count: number | bigint, noun: string, plural = `${noun}s`): string {
	return `${count} ${Number(count) === 1 ? noun : plural}`;
}
