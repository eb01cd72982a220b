// Puts the addon of this machine where the package carries it: prebuilds/<platform>-<arch>.node. npm runs it before it packs.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const built = join(root, 'build', 'Release', 'ganno.node');
if (!existsSync(built)) {
	console.error(`${built} is not there; run: npm run build`);
	process.exit(1);
}
mkdirSync(join(root, 'prebuilds'), { recursive: true });
copyFileSync(built, join(root, 'prebuilds', `${process.platform}-${process.arch}.node`));
