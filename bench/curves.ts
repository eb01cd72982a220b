/** Whether training on a CUDA device follows training on the CPU: the first 100 losses, same seeds. See docs/benchmarks.md. */
import { CASES, TINY_CASES } from './cases.js';
import { largestDifference, trainingLosses } from './population/curves.js';
import { benchDevice, deviceVersions } from './support/device.js';
import { parseOptions, progress, wanted } from './support/options.js';
import { measured, type Row, report, type Target, target, unmeasured } from './support/report.js';

const STEPS = 100;
const BOUND = 1e-3;
const TINY = '--tiny';

const options = parseOptions(
	'bench:curves',
	'The largest relative difference of the first 100 training losses on a CUDA device from those on the CPU.',
	{ rounds: 1, quickRounds: 1 },
	{ [TINY]: 'small cases and ten steps instead, to try the program' },
);
const device = benchDevice();
const tiny = options.switches.has(TINY);
const steps = tiny ? 10 : STEPS;
const rows: Row[] = [];
const targets: Target[] = [];
for (const one of (tiny ? TINY_CASES : CASES).filter(({ name }) => wanted(options.cases, name))) {
	progress(one.name);
	const expected = trainingLosses(one, { device: 'cpu', steps });
	const label = { case: one.name, contender: 'float32', metric: 'largest_relative_loss_difference', unit: '1' };
	const found = trainingLosses(one, { device: device.name, steps });
	const difference = largestDifference(one.name, expected, found);
	rows.push(measured(label, [difference], `over ${steps} steps`));
	targets.push(
		target(`${one.name}: first ${steps} losses on ${device.model} against the CPU`, '<=', BOUND, difference),
	);
	const again = trainingLosses(one, { device: device.name, steps });
	const repeats = again.every((loss, i) => loss === found[i]) ? 0 : 1;
	targets.push(target(`${one.name}: a second run gives other bits`, '<=', 0, repeats));
	try {
		const tf32 = trainingLosses(one, { device: device.name, steps, precision: 'tf32' });
		rows.push(
			measured({ ...label, contender: 'tf32' }, [largestDifference(one.name, expected, tf32)], `over ${steps} steps`),
		);
	} catch (error) {
		rows.push(unmeasured({ ...label, contender: 'tf32' }, `not measured: ${(error as Error).message}`));
	}
}
report({ ...options, tier: `cuda ${device.computeCapability}`, versions: deviceVersions(device), rows, targets });
