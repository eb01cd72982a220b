/**
 * How many training steps of small networks a CUDA device does in a second: ganno beside PyTorch and JAX on as many networks, by the number
 * of networks, and as a share of the device's multiply-adds. See docs/benchmarks.md.
 */
import { availableParallelism } from 'node:os';
import { CASES, type Case, operationsPerStep, TINY_CASES } from './cases.js';
import { BATCH, type OwnOptions, openOwn, type PopulationContender } from './population/contender.js';
import { openRival, RIVALS } from './population/rivals.js';
import { type Duel, ratiosOf, speedTargets } from './population/targets.js';
import { benchDevice, deviceVersions, fmaPeak } from './support/device.js';
import { parseOptions, progress, wanted } from './support/options.js';
import { measured, type Row, report, type Target, unmeasured } from './support/report.js';

const NETWORKS = 512;
const POPULATION_SIZES = [1, 8, 32, 128, 512, 1024, 2048, 4096] as const;
const TINY = '--tiny';
const ON_CPU = '--rivals-on-cpu';
const SCALING = '--scaling';

const options = parseOptions(
	'bench:population-device',
	'Network-steps a second of populations on a CUDA device: ganno, PyTorch and JAX with 512 networks.',
	{ rounds: 4, quickRounds: 1 },
	{
		[SCALING]: 'ganno alone instead, with 1 to 4,096 networks, and on all cores of the CPU',
		[TINY]: 'small cases of few networks instead, to try the program',
		[ON_CPU]: 'PyTorch and JAX on the CPU, to try the program where they see no device',
	},
);
const tiny = options.switches.has(TINY);
const device = benchDevice();
const versions = deviceVersions(device);
const milliseconds = options.quick ? 300 : 1500;
const networks = tiny ? 4 : NETWORKS;
const rows: Row[] = [];
const targets: Target[] = [];

function label(one: Case, networks: number, contender: string) {
	const name = `${one.name}, ${networks} network${networks === 1 ? '' : 's'}`;
	return { case: name, contender, metric: 'network_steps_per_second', unit: 'steps/s' };
}

/** A contender's rates, and the share of the device's multiply-adds that they are, where it is on the device. */
function rateRows(
	one: Case,
	networks: number,
	{ name, note }: PopulationContender,
	rates: readonly number[],
	peak?: number,
): Row[] {
	const rate = label(one, networks, name);
	if (peak === undefined) return [measured(rate, rates, note)];
	const operations = operationsPerStep(one.spec, BATCH);
	const share = rates.map((steps) => (steps * operations) / peak);
	return [measured(rate, rates, note), measured({ ...rate, metric: 'share_of_fma_peak', unit: '1' }, share)];
}

function noteVersion({ version }: PopulationContender): void {
	if (version !== undefined) versions[version[0]] = version[1];
}

/** Every rival in turn beside ganno, round by round: one rival's memory at a time. */
async function duels(one: Case, peak: number): Promise<Duel[]> {
	const own: Readonly<Record<string, OwnOptions>> = {
		ganno: { device: device.name, networks },
		'ganno-validation': { device: device.name, networks, validates: true },
		'ganno-tf32': { device: device.name, networks, precision: 'tf32' },
	};
	const rates = new Map<string, number[]>();
	const found: Duel[] = [];
	const ours = new Map<string, PopulationContender>();
	try {
		for (const [name, settings] of Object.entries(own)) {
			if (!wanted(options.contenders, name)) continue;
			progress(`${one.name}: ${name}`);
			const contender = openOwn(name, one, settings);
			ours.set(name, contender);
			if (contender.unavailable === undefined) continue;
			rows.push(unmeasured(label(one, networks, name), contender.unavailable));
			if (name === 'ganno') throw new Error(contender.unavailable);
		}
		const take = async (contender: PopulationContender | undefined): Promise<number | undefined> => {
			if (contender === undefined || contender.unavailable !== undefined) return undefined;
			const rate = await contender.run(milliseconds);
			rates.set(contender.name, [...(rates.get(contender.name) ?? []), rate]);
			return rate;
		};
		for (let round = 0; round < options.rounds; round++) for (const contender of ours.values()) await take(contender);
		for (const rival of RIVALS.filter(({ name }) => wanted(options.contenders, name))) {
			progress(`${one.name}: ${rival.name}`);
			const rivalDevice = options.switches.has(ON_CPU) ? 'cpu' : device.name;
			const contender = await openRival(rival, one, { device: rivalDevice, networks });
			try {
				if (contender.unavailable !== undefined) {
					rows.push(unmeasured(label(one, networks, rival.name), contender.unavailable));
					continue;
				}
				noteVersion(contender);
				const against = ours.get(rival.precision === 'tf32' ? 'ganno-tf32' : 'ganno');
				const ratios: number[] = [];
				for (let round = 0; round < options.rounds; round++) {
					const mine = await take(against);
					const theirs = (await take(contender)) as number;
					if (mine !== undefined) ratios.push(mine / theirs);
				}
				rows.push(...rateRows(one, networks, contender, rates.get(rival.name) as number[], peak));
				found.push({ case: one.name, rival, ratios });
			} catch (error) {
				// It died in the middle, out of memory perhaps: its row says so, and the others are not lost.
				rows.push(unmeasured(label(one, networks, rival.name), `not measured: ${(error as Error).message}`));
			} finally {
				await contender.close();
			}
		}
		for (const [name, contender] of ours) {
			const samples = rates.get(name);
			if (samples !== undefined) rows.push(...rateRows(one, networks, contender, samples, peak));
		}
	} finally {
		for (const contender of ours.values()) await contender.close();
	}
	return found;
}

async function scaling(one: Case, peak: number): Promise<void> {
	const sizes = tiny ? [1, 3] : options.quick ? [8, 512] : POPULATION_SIZES;
	const contenders: [string, OwnOptions][] = [
		['cpu', { device: 'cpu', networks: tiny ? 2 : 2 * availableParallelism() }],
		...sizes.map((networks): [string, OwnOptions] => ['ganno', { device: device.name, networks }]),
	];
	for (const [name, own] of contenders) {
		progress(`${one.name}: ${own.networks} networks on ${own.device}`);
		const contender = openOwn(name, one, own);
		if (contender.unavailable !== undefined) {
			rows.push(unmeasured(label(one, own.networks, name), contender.unavailable));
			continue;
		}
		const rates: number[] = [];
		for (let round = 0; round < options.rounds; round++) rates.push(await contender.run(milliseconds));
		await contender.close();
		rows.push(...rateRows(one, own.networks, contender, rates, name === 'cpu' ? undefined : peak));
	}
}

for (const one of (tiny ? TINY_CASES : CASES).filter(({ name }) => wanted(options.cases, name))) {
	const peak = fmaPeak(device, tiny ? 1 : 200);
	rows.push(
		measured({ case: one.name, contender: 'fma-peak', metric: 'operations_per_second', unit: 'FLOP/s' }, [peak]),
		measured({ case: one.name, contender: 'ganno', metric: 'operations_per_step', unit: 'FLOP' }, [
			operationsPerStep(one.spec, BATCH),
		]),
	);
	if (options.switches.has(SCALING)) {
		await scaling(one, peak);
		continue;
	}
	const found = await duels(one, peak);
	rows.push(...ratiosOf(found));
	targets.push(...speedTargets(one.name, found, options.contenders, device.model));
}
report({ ...options, tier: `cuda ${device.computeCapability}`, versions, rows, targets });
