// Preloaded into a process: every write to a file fails as on a full disk. Terminals and pipes are left alone.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
const write = fs.writeSync;
fs.writeSync = (file, ...rest) => {
	if (file <= 2 || !fs.fstatSync(file).isFile()) return write(file, ...rest);
	throw full();
};
const append = fs.appendFileSync;
fs.appendFileSync = (path, ...rest) => {
	if (typeof path === 'number') return append(path, ...rest);
	throw full();
};
syncBuiltinESMExports();
