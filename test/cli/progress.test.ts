import { describe, expect, it } from 'vitest';
import { formatCount, formatDuration, Progress } from '../../src/cli/progress.js';

function recorder(terminal: { isTTY?: boolean; columns?: number }) {
	const written: string[] = [];
	return { written, stream: { ...terminal, write: (text: string) => written.push(text) } };
}

describe('progress', () => {
	it('rewrites one line on a terminal, cut to its width, and closes it with the last one', () => {
		const { written, stream } = recorder({ isTTY: true, columns: 30 });
		const progress = new Progress(stream);
		progress.stage('Working');
		progress.update('iteration', 1, 2, ['many figures that do not fit']);
		progress.finish('Done');
		progress[Symbol.dispose]();
		expect(written[0]).toBe('Working\n');
		expect(written[1]).toBe('\r\u001b[2K██████░░░░░░  iteration 1/2  ');
		expect(written[2]).toBe('\r\u001b[2KDone\n');
		expect(written).toHaveLength(3);
	});

	it('leaves a terminal of unknown width, and an interrupted line, in order', () => {
		const { written, stream } = recorder({ isTTY: true, columns: 0 });
		const progress = new Progress(stream);
		progress.update('iteration', 1, 4, ['12 steps/s']);
		progress[Symbol.dispose]();
		progress[Symbol.dispose]();
		expect(written[0]).toContain('iteration 1/4  12 steps/s');
		expect(written.slice(1)).toEqual(['\n']);
	});

	it('writes at most about twenty plain lines elsewhere, the last one always', () => {
		const { written, stream } = recorder({});
		const progress = new Progress(stream);
		for (let i = 1; i <= 1000; i++) progress.update('iteration', i, 1000);
		expect(written.length).toBeLessThanOrEqual(22);
		expect(written.at(-1)).toBe('iteration 1000/1000\n');
		for (const line of written) expect(line.trim()).toBe(line.slice(0, -1));
	});

	it('reckons the time left from where it began now', () => {
		const { written, stream } = recorder({});
		const progress = new Progress(stream);
		progress.resumeAt(90);
		progress.update('iteration', 90, 100);
		expect(written[0]).not.toContain('left');
	});

	it('says durations and counts briefly', () => {
		expect([45_000, 185_000, 7_800_000].map(formatDuration)).toEqual(['45s', '3m 05s', '2h 10m']);
		expect([950, 12_345, 4_560_000, Number.NaN].map(formatCount)).toEqual(['950', '12.3k', '4.56M', '–']);
	});
});
