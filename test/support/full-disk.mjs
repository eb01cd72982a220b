// Preloaded into a process: writing a file whose path contains $FULL_DISK fails as on a full disk.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const pattern = process.env.FULL_DISK ?? '';
const full = () =>
	Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
const paths = new Map();

const open = fs.openSync;
fs.openSync = (path, ...rest) => {
	const file = open(path, ...rest);
	paths.set(file, String(path));
	return file;
};
const write = fs.writeSync;
fs.writeSync = (file, ...rest) => {
	if (pattern !== '' && paths.get(file)?.includes(pattern)) throw full();
	return write(file, ...rest);
};
const append = fs.appendFileSync;
fs.appendFileSync = (path, ...rest) => {
	if (pattern !== '' && String(path).includes(pattern)) throw full();
	return append(path, ...rest);
};
syncBuiltinESMExports();
