"""What the Python contenders of bench:population-device share: bench/cases.ts, what they are told, and the loop that is timed.

Words: CASE NETWORKS VARIANT DEVICE PRECISION STATISTICS, as in `cnn-small 512 vmap cuda:0 float32 none`. DEVICE `cpu` is for trying;
PRECISION is `float32` or `tf32`; STATISTICS is `none` or `all`: those of ganno, of every layer and network, averaged over steps.
"""
import sys
import time

from answer import reply

BATCH, IMAGES = 64, 4096  # bench/population-device.ts
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
MEAN, DEVIATION = 0.5, 0.29  # of the pixels: bench/support/random-dataset.ts
SECONDS_OF_AN_INTERVAL = 1.0
# The benchmark gives up on who says nothing for three minutes: no further arrangement is tried after this.
PATIENCE_SECONDS, STARTED = 80, time.perf_counter()

# Height, width and channels of an image; filters of 3x3 convolutions, each before a 2x2 maximum; units of dense layers but the last.
CASES = {
    "mlp": ((28, 28, 1), (), (128, 64)),
    "cnn-small": ((28, 28, 1), (16, 32), (64,)),
    "cnn-cifar": ((32, 32, 3), (32, 64, 64), (128,)),
    "tiny-mlp": ((8, 8, 1), (), (12,)),
    "tiny-cnn": ((8, 8, 1), (4, 6), (8,)),
}
CLASSES = 10

CASE, NETWORKS, VARIANT, DEVICE, PRECISION, STATISTICS = sys.argv[1:7]
NETWORKS = int(NETWORKS)
SHAPE, FILTERS, HIDDEN = CASES[CASE]


def layers():
    """Every layer with weights: (kind, inputs, outputs); inputs of a convolution are channels."""
    height, width, channels = SHAPE
    found = []
    for filters in FILTERS:
        found.append(("conv", channels, filters))
        height, width, channels = height // 2, width // 2, filters
    inputs = height * width * channels
    for units in (*HIDDEN, CLASSES):
        found.append(("dense", inputs, units))
        inputs = units
    return found


def parameter_count():
    return sum((9 if kind == "conv" else 1) * inputs * outputs + outputs for kind, inputs, outputs in layers())


def choose(arrangements, least):
    """The fastest of (name, maker): a maker returns a function that takes so many steps and returns the loss, when all is done.
    Steps come in multiples of `least`."""
    import gc

    times, makers = {}, dict(arrangements)
    for name, make in makers.items():
        if times and time.perf_counter() - STARTED > PATIENCE_SECONDS:
            break
        run = None
        try:
            run = make()
            run(2 * least)
            start = time.perf_counter()
            run(least)
            count = least * max(1, min(50 // least, int(0.5 / (time.perf_counter() - start))))
            start = time.perf_counter()
            run(count)
            times[name] = (time.perf_counter() - start) / count
        except Exception as error:  # out of memory, or what this version cannot do
            print(f"{name}: {type(error).__name__}: {str(error)[:500]}", file=sys.stderr)
        del run
        gc.collect()
    if not times:
        reply(unavailable=f"not measured: no arrangement of {CASE} for {NETWORKS} networks runs on {DEVICE}")
        sys.exit(0)
    best = min(times, key=times.get)
    return best, makers[best], times


def serve(version, arrangements, least=1):
    """Answers slices: bench/support/contender.ts."""
    import json

    best, make, times = choose(arrangements, least)
    run = make()
    run(2 * least)
    steps_at_once = least * max(1, min(50 // least, int(SECONDS_OF_AN_INTERVAL / times[best] / least)))
    run(steps_at_once)
    note = best if len(times) == 1 else f"{best}; the fastest of {len(times)} arrangements"
    reply(ready=True, version=version, note=note, arrangements=times, parameters=parameter_count())
    for line in sys.stdin:
        limit = json.loads(line)["run"] / 1e3
        cpu, start, steps, loss = time.process_time(), time.perf_counter(), 0, float("nan")
        while steps == 0 or time.perf_counter() - start < limit:
            loss = run(steps_at_once)
            steps += steps_at_once * NETWORKS
        seconds = time.perf_counter() - start
        finite = loss == loss and abs(loss) != float("inf")
        reply(steps=steps, loss=loss if finite else None, wallSeconds=seconds, cpuSeconds=time.process_time() - cpu)
