import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { checkPath } from '../../arguments.js';
import { GannoError } from '../../errors.js';
import { writeFileAtomic } from '../../files/atomic-write.js';
import { badFile, fileSystemError } from '../../files/file-system-error.js';
import { makeFolder } from '../../files/make-folder.js';
import { checkWeightsManifest, weightBytes } from './weights-manifest.js';

/**
 * Models as files, in the layout of tfjs itself: `model.json` (topology, training configuration, a list of weights) and a file of weights
 * beside it, which `model.json` names. A save writes new weights under an unused name and then replaces `model.json`: a reader,
 * or a machine that loses power, has either the old model or the new one.
 */

const MODEL_FILE = 'model.json';
const WEIGHTS_FILE = 'weights.bin';
/** Weights files that saves write, and later saves remove. */
const OWN_WEIGHTS = /^weights(-[0-9a-f]{12})?\.bin$/;

/**
 * Where a model is saved to and loaded from: `model.save(fileSystem('runs/mine/model'))`, `tf.loadLayersModel(fileSystem('runs/mine/model'))`.
 * Needs no tfjs-node, whose `tf.io.fileSystem`, browsers and tfjs's converter read and write the same files. URLs like
 * `file://runs/mine/model` mean the same where `ganno/tfjs` is imported and tfjs-node is not.
 *
 * A save either completes or changes nothing.
 * @param path a folder, made where it is missing, for `model.json` and its weights; or the `.json` file itself
 * @returns what `model.save` and `tf.loadLayersModel` take. Their promises reject with a GannoError `FILE_SYSTEM` where files are missing or
 *   cannot be written, `BAD_FILE` where they are damaged
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function fileSystem(path: string): Required<tf.io.IOHandler> {
	checkPath(path, 'path');
	const file = path.endsWith('.json') ? path : join(path, MODEL_FILE);
	return {
		// Promises reject where the work throws.
		save: async (artifacts) => saveModel(file, artifacts),
		load: async () => await loadModel(file),
	};
}

function saveModel(file: string, artifacts: tf.io.ModelArtifacts): tf.io.SaveResult {
	// A stream of weights is another form of the same data, used by loading only.
	const { weightSpecs = [], weightData, getWeightStream: _stream, ...description } = artifacts;
	if (description.modelTopology instanceof ArrayBuffer) {
		throw new GannoError('INVALID_ARGUMENT', 'A model whose topology is binary cannot be saved as model.json');
	}
	const folder = dirname(file);
	makeFolder(folder);
	const former = weightFiles(file).filter((name) => OWN_WEIGHTS.test(name));
	const weights = existsSync(join(folder, WEIGHTS_FILE))
		? `weights-${randomBytes(6).toString('hex')}.bin` // unique among saves of all processes
		: WEIGHTS_FILE;
	if (weightData !== undefined) {
		const parts = Array.isArray(weightData) ? weightData : [weightData];
		writeFileAtomic(
			join(folder, weights),
			parts.map((part) => new Uint8Array(part)),
		);
	}
	try {
		const weightsManifest = [{ paths: [weights], weights: weightSpecs }];
		const model = weightData === undefined ? description : { ...description, weightsManifest };
		writeFileAtomic(file, JSON.stringify(model));
	} catch (error) {
		if (weightData !== undefined) rmSync(join(folder, weights), { force: true });
		throw error;
	}
	for (const name of former) rmSync(join(folder, name), { force: true });
	return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
}

/** Weights files of the present model; none where there is none or it cannot be read. */
function weightFiles(file: string): string[] {
	try {
		return checkWeightsManifest(readModel(file).weightsManifest).flatMap(({ paths }) => paths);
	} catch {
		return [];
	}
}

async function loadModel(file: string): Promise<tf.io.ModelArtifacts> {
	const model = readModel(file);
	return await tf.io.getModelArtifactsForJSON(model, async () => {
		const groups = (() => {
			try {
				return checkWeightsManifest(model.weightsManifest);
			} catch (error) {
				throw badFile(file, (error as Error).message, ADVICE, error);
			}
		})();
		return [groups.flatMap(({ weights }) => weights), groups.flatMap((group) => readWeights(file, group))];
	});
}

const ADVICE = 'Save the model again, or take another copy of it';

function readModel(file: string): tf.io.ModelJSON {
	let text: string;
	try {
		text = readFileSync(file, 'utf8');
	} catch (error) {
		throw fileSystemError('read the model', file, error);
	}
	let model: Partial<tf.io.ModelJSON> | null;
	try {
		model = JSON.parse(text) as Partial<tf.io.ModelJSON> | null;
	} catch (error) {
		throw badFile(file, `this is not JSON: ${(error as Error).message}`, ADVICE, error);
	}
	if (typeof model?.modelTopology !== 'object' || model.modelTopology === null) {
		throw badFile(file, 'this is no model of tfjs: it has no modelTopology', ADVICE);
	}
	return model as tf.io.ModelJSON;
}

/** The weights of one group, file by file. */
function readWeights(file: string, { paths, weights }: tf.io.WeightsManifestConfig[number]): ArrayBuffer[] {
	const buffers = paths.map((name) => {
		const path = join(dirname(file), name);
		try {
			return new Uint8Array(readFileSync(path)).buffer; // a copy: small files share one buffer in Node
		} catch (error) {
			throw fileSystemError('read the weights', path, error, `${basename(file)} says that they are there`);
		}
	});
	const bytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
	const expected = weightBytes(weights);
	if (expected !== undefined && bytes !== expected) {
		const names = paths.map((name) => join(dirname(file), name)).join(', ');
		throw badFile(names, `there are ${bytes} bytes of weights, and by ${basename(file)} it is ${expected}`, ADVICE);
	}
	return buffers;
}
