import { describe, expect, it } from 'vitest';
import { runScript } from '../support/child-process.js';

const module = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);
const START = {
	"the learner's": `import(${module('tensorflow/load-tensorflow.js')}).then(({ loadTensorFlow }) => loadTensorFlow('wasm'))`,
	useBestBackend: `import(${module('tfjs/index.js')}).then(({ useBestBackend }) => useBestBackend())`,
};

describe.each(Object.entries(START))('the wasm back end, started by %s', (_, start) => {
	it('leaves no listener on the process, and those of others where they are', async () => {
		const { stdout, stderr } = await runScript(`
			const count = () => ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event));
			const rethrow = function (reason) { throw reason; };
			process.on('unhandledRejection', rethrow);
			const started = ${start};
			process.on('uncaughtException', (error) => { throw error; });
			started.then(() => console.log(count().join(), process.listeners('unhandledRejection')[0] === rethrow));
		`);
		expect(stdout, stderr).toBe('1,1 true\n');
	});

	it('lets an uncaught error end the process as it would without it', async () => {
		const { code, stderr } = await runScript(
			`${start}.then(() => setImmediate(() => { throw new Error('uncaught'); }))`,
		);
		expect(stderr).toContain('uncaught');
		expect(code).toBe(1);
	});
});
