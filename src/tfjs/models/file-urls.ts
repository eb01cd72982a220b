import type * as tf from '@tensorflow/tfjs';
import { forEveryCopy } from '../tfjs-copies.js';
import { fileSystem } from './model-files.js';

/**
 * `model.save('file://…')` and `tf.loadLayersModel('file://…')` without tfjs-node. tfjs refuses a URL that has two handlers, so this
 * one yields to any other, registered before or after it: tfjs-node, another copy of ganno.
 */

const SCHEME = 'file://';

type Handlers = ReturnType<typeof tf.io.getSaveHandlers>;

/** @param handlers all handlers of a URL, this one included */
function route(handlers: (url: string) => Handlers): (url: string | string[]) => tf.io.IOHandler {
	let asking = false;
	const answer = (url: string | string[]): tf.io.IOHandler | null => {
		if (asking || typeof url !== 'string' || !url.startsWith(SCHEME)) return null;
		asking = true;
		try {
			return handlers(url).length > 0 ? null : fileSystem(url.slice(SCHEME.length));
		} finally {
			asking = false;
		}
	};
	return answer as (url: string | string[]) => tf.io.IOHandler; // null leaves the URL to other handlers; tfjs's type lacks it
}

forEveryCopy('core', ({ io }) => {
	if (io.getSaveHandlers(`${SCHEME}.`).length > 0) return;
	io.registerSaveRouter(route(io.getSaveHandlers));
	io.registerLoadRouter(route(io.getLoadHandlers));
});
