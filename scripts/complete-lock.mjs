#!/usr/bin/env node
// Run after any `npm install` that changed package-lock.json.
//
// A package that ships one binary per platform lists them all as optional dependencies. Where a registry mirror carries only
// some of them, `npm install` leaves the others out of the lock file without a word, and every later `npm ci` then refuses the
// lock file as "not in sync" on any machine. This adds the missing entries: version, operating system and processor are enough
// for npm to skip them where they do not apply. `--check` changes nothing and exits 1 when something is missing.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const entries = lock.packages;

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64'];

/** `@scope/binding-linux-arm64-musl` → its platform; undefined when the name states none. */
function platformOf(name) {
	const words = name.split('/').pop().split('-');
	const os = SYSTEMS.find((system) => words.includes(system));
	const cpu = PROCESSORS.find((processor) => words.includes(processor));
	if (os === undefined || cpu === undefined) return undefined;
	const libc = words.includes('musl') ? 'musl' : words.includes('gnu') ? 'glibc' : undefined;
	return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) };
}

const added = [];
for (const [path, entry] of Object.entries(entries)) {
	for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
		if (entries[`node_modules/${name}`] !== undefined || entries[`${path}/node_modules/${name}`] !== undefined)
			continue;
		const platform = platformOf(name);
		if (platform === undefined || !/^\d+\.\d+\.\d+\S*$/.test(version)) {
			console.error(`${name}@${version}, wanted by ${path}, is missing and must be added by hand`);
			process.exitCode = 1;
			continue;
		}
		const dev = entry.dev === true ? { dev: true } : {};
		entries[`node_modules/${name}`] = { version, ...dev, optional: true, ...platform };
		added.push(`${name}@${version}`);
	}
}

if (added.length > 0) {
	if (process.argv.includes('--check')) {
		console.error(`package-lock.json lacks ${added.join(', ')}. Run: node scripts/complete-lock.mjs`);
		process.exitCode = 1;
	} else {
		const [root, ...rest] = Object.entries(entries);
		rest.sort(([a], [b]) => a.localeCompare(b, 'en'));
		lock.packages = Object.fromEntries([root, ...rest]);
		writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
		console.log(`added ${added.length} entries to package-lock.json`);
	}
}
