// Preloaded into a process: it sends itself $SIGNALS, all at once, when it opens or appends to the n-th file whose path contains $SIGNAL_AT.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const [pattern, count = '1'] = (process.env.SIGNAL_AT ?? '\0').split('#');
let seen = 0;
const look = (path) => {
	if (!String(path).includes(pattern) || ++seen !== Number(count)) return;
	for (const signal of (process.env.SIGNALS ?? '').split(',')) process.kill(process.pid, signal);
};
for (const name of ['openSync', 'appendFileSync']) {
	const original = fs[name];
	fs[name] = (path, ...rest) => {
		look(path);
		return original(path, ...rest);
	};
}
syncBuiltinESMExports();
