import { join, relative } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import { isInterfaceDeclaration, isTypeAliasDeclaration } from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';
import { packageRoot } from '../../src/native.js';

/** A property as an interface or a type literal writes it down; what is inherited, picked or inferred is none. */
export interface DeclaredProperty {
	readonly name: string;
	/** `src/`'s path of the file, then the interface or type alias that it stands in. */
	readonly owner: string;
}

/** Every property that `src/` declares, in the compiler's own words. */
export function declaredProperties(): DeclaredProperty[] {
	const config = join(packageRoot, 'tsconfig.build.json');
	const api = new API();
	try {
		const program = api.updateSnapshot({ openProjects: [config] }).getProject(config)?.program;
		if (program === undefined) throw new Error(`${config} cannot be read`);
		const found: DeclaredProperty[] = [];
		const sources = program.getSourceFileNames().filter((path) => path.startsWith(join(packageRoot, 'src/')));
		for (const path of sources) {
			const visit = (node: Node, owner: string): void => {
				const named = isInterfaceDeclaration(node) || isTypeAliasDeclaration(node);
				const inside = named ? `${relative(join(packageRoot, 'src'), path)} ${node.name.text}` : owner;
				if (node.kind === SyntaxKind.PropertySignature) {
					found.push({ name: (node as Node & { readonly name: { readonly text: string } }).name.text, owner: inside });
				}
				node.forEachChild((child) => visit(child, inside));
			};
			const file = program.getSourceFile(path);
			if (file !== undefined) visit(file, relative(join(packageRoot, 'src'), path));
		}
		return found;
	} finally {
		api.close();
	}
}
