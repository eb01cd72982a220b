import { z } from 'zod';

/**
 * The JSON Schema of a config file: with `"$schema": "./node_modules/ganno/schema/config.json"` in it an editor completes keys, says what they
 * mean and marks what is wrong. What several settings must be together is beyond it.
 */
export function jsonSchema(schema: z.ZodType, title: string): Readonly<Record<string, unknown>> {
	const { properties, ...rest } = z.toJSONSchema(schema, {
		io: 'input',
		target: 'draft-7', // which editors know best
		override: ({ jsonSchema: node }) => {
			const { expected: _, choices: __, option: ___, group: ____, unit, ...standard } = node;
			if (typeof unit === 'string' && unit !== '') standard.description = `${standard.description} Unit: ${unit}.`;
			for (const key of Object.keys(node)) delete node[key];
			Object.assign(node, standard);
		},
	});
	return { ...rest, title, properties: { $schema: { type: 'string' }, ...properties } };
}
