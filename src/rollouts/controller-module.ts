import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { types } from 'node:util';
import { invalidArgument } from '../arguments.js';
import { type Controller, checkController, type Decision, type DecisionContext } from '../environment/controller.js';
import { GannoError, isError } from '../errors.js';
import { type DecisionFunction, functionController } from '../schedules/function-controller.js';
import { type ScheduleFactor, scheduleController } from '../schedules/schedule-controller.js';
import type { Job } from './job.js';

/**
 * Schedules of users' own: JavaScript modules, since functions cannot be sent to worker threads while the name of a file can. Every thread
 * loads the module for itself.
 */

/** What such a module exports, one of them; a default export counts as `factor` when it is a function, else as `controller`. */
const EXPORTS = ['factor', 'decide', 'controller'] as const;

type ExportName = (typeof EXPORTS)[number];

/**
 * The `file:` URL of a module that is named by its path or its URL.
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function moduleUrl(module: unknown, name: string): string {
	if (!(module instanceof URL) && (typeof module !== 'string' || module === '')) {
		throw invalidArgument('the path of a JavaScript module, or its file: URL,', name, module);
	}
	const text = String(module);
	if (!(module instanceof URL) && !text.startsWith('file:')) return pathToFileURL(resolve(text)).href;
	try {
		return pathToFileURL(fileURLToPath(text)).href;
	} catch {
		throw invalidArgument('the path of a JavaScript module, or its file: URL,', name, text);
	}
}

/**
 * The controller that a module gives. Whatever goes wrong in it later is told with the module's path.
 * @param horizons a `factor` is asked for every step of each, so that what is wrong with it is told before any training
 * @throws GannoError `INVALID_ARGUMENT`: no such file, it cannot be loaded, or exports no schedule
 */
export async function loadControllerModule(
	module: string | URL,
	horizons: readonly number[] = [],
): Promise<Controller> {
	const url = moduleUrl(module, 'module');
	const path = fileURLToPath(url);
	const exported = await importModule(url, path);
	const [kind, value] = pickExport(exported, path);
	if (kind === 'factor') {
		const factor = checkedFactor(value as ScheduleFactor, path, exported.factor === undefined);
		for (const horizon of horizons) for (let step = 0; step < horizon; step++) factor(step, horizon);
		return scheduleController(basename(path), factor);
	}
	const controller =
		kind === 'decide'
			? functionController(value as DecisionFunction, `what decide of ${path} gave`)
			: checkController(value, `controller of ${path}`, 'a Controller, with the functions reset and decide,');
	return guarded(controller, path);
}

/** A job whose method is a module, with what the module gives in its place; any other as it is. */
export async function withLoadedMethod(job: Job): Promise<Job> {
	if (job.kind !== 'episode' || job.method.type !== 'module') return job;
	const controller = await loadControllerModule(job.method.module);
	return { ...job, method: { type: 'controller', controller } };
}

async function importModule(url: string, path: string): Promise<Readonly<Record<string, unknown>>> {
	if (!isFile(path)) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`No file is at ${path}: a schedule of your own is a JavaScript module, named by its path`,
		);
	}
	try {
		return await import(/* webpackIgnore: true */ /* @vite-ignore */ url);
	} catch (error) {
		throw new GannoError('INVALID_ARGUMENT', `The schedule ${path} cannot be loaded: ${textOf(error)}`, {
			cause: error,
		});
	}
}

function isFile(path: string): boolean {
	try {
		return statSync(path).isFile();
	} catch {
		return false;
	}
}

function pickExport(exported: Readonly<Record<string, unknown>>, path: string): [ExportName, unknown] {
	const named = EXPORTS.filter((name) => exported[name] !== undefined);
	if (named.length > 1) {
		throw new GannoError('INVALID_ARGUMENT', `${path} exports ${named.join(' and ')}: a schedule is one of them`);
	}
	const [only] = named;
	const kind = only ?? (typeof exported.default === 'function' ? 'factor' : 'controller');
	const value = exported[only ?? 'default'];
	if (value === undefined) {
		const own = Object.keys(exported);
		throw new GannoError(
			'INVALID_ARGUMENT',
			`${path} exports no schedule: expected factor(step, horizon), decide(context) or controller, or a default export that is a factor or a controller, but found ${own.length === 0 ? 'nothing' : own.join(', ')}`,
		);
	}
	if (kind !== 'controller' && typeof value !== 'function') {
		throw invalidArgument('a function', `${kind} of ${path}`, value);
	}
	return [kind, value];
}

function checkedFactor(factor: ScheduleFactor, path: string, byDefault: boolean): ScheduleFactor {
	const advice = byDefault ? 'A function of the context is exported by the name decide' : undefined;
	return (step, horizon) => {
		const call = `factor(${step}, ${horizon}) of ${path}`;
		const value: unknown = attempt(() => factor(step, horizon), call, advice);
		if (typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY) return value;
		throw invalidArgument('a finite number of at least 0', call, value, advice);
	};
}

/** The same controller; what it throws, and what it decides wrongly, is told with the module's path. */
function guarded(controller: Controller, path: string): Controller {
	const { ignoresNetworks, needsHorizon } = controller;
	return {
		name: basename(path),
		...(ignoresNetworks === undefined ? {} : { ignoresNetworks }),
		...(needsHorizon === undefined ? {} : { needsHorizon }),
		reset: (task) => attempt(() => controller.reset(task), `reset of ${path}`),
		decide: (context) => {
			const call = `decide of ${path}`;
			return checkDecided(
				attempt(() => controller.decide(context), call),
				context,
				call,
			);
		},
	};
}

function checkDecided(decided: Decision, { networks, layers, task }: DecisionContext, call: string): Decision {
	const { learningRates, baseSchedule } = (decided ?? {}) as Partial<Decision>;
	checkArray(learningRates, networks * layers, `the learningRates that ${call} gave`);
	if (baseSchedule !== undefined) checkArray(baseSchedule, task.interval, `the baseSchedule that ${call} gave`);
	return decided;
}

function checkArray(array: unknown, length: number, name: string): void {
	if (!types.isFloat32Array(array) || array.length !== length) {
		throw invalidArgument(`a Float32Array of length ${length}`, name, array);
	}
	const wrong = array.findIndex((value) => !(value >= 0) || !Number.isFinite(value));
	if (wrong >= 0) throw invalidArgument('a finite number of at least 0', `${name}, at [${wrong}],`, array[wrong]);
}

function attempt<T>(call: () => T, name: string, advice?: string): T {
	try {
		return call();
	} catch (error) {
		if (error instanceof GannoError) throw error;
		const sentence = `${name} failed: ${textOf(error)}`;
		throw new GannoError('INVALID_ARGUMENT', advice === undefined ? sentence : `${sentence}. ${advice}`, {
			cause: error,
		});
	}
}

function textOf(error: unknown): string {
	return isError(error) ? error.message : String(error);
}
