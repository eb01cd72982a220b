"""PyTorch contender of bench:optimizer: pytorch-optimizer.py WHAT ALGORITHM THREADS LEARNING_RATE SIZES.

WHAT is `step`, `norms` (the step, and norms of gradients, parameters and updates) or `all` (and mean, variance, maximum, finite
count and cosines). Of the arrangements of operations that this PyTorch can run, the one that is fastest here is measured.
Protocol: serveSteps in bench/contenders/protocol.ts.
"""
import json
import math
import sys
import time

from contender import reply, torch

from layer_statistics import ALL
from step_values import GRADIENTS, PARAMETERS, positions, sequence

WHAT, ALGORITHM = sys.argv[1:3]
THREADS, LEARNING_RATE = int(sys.argv[3]), float(sys.argv[4])
SIZES = json.loads(sys.argv[5])
FIRST_STEPS = 3

optim = torch.optim
OPTIMIZERS = {
    "sgd": (optim.SGD, {}),
    "momentum": (optim.SGD, {"momentum": 0.9}),
    "nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (optim.RMSprop, {}),
    "adam": (optim.Adam, {}),
    "adamw": (optim.AdamW, {}),
}
if ALGORITHM not in OPTIMIZERS:
    reply(unavailable=f"not measured: torch.optim has no {ALGORITHM}")
    sys.exit(0)
torch.set_num_threads(THREADS)
torch.set_grad_enabled(False)


start_parameters = [sequence(layer, size, PARAMETERS) for layer, size in enumerate(SIZES)]
parameters = [start.clone() for start in start_parameters]
gradients = [sequence(layer, size, GRADIENTS) for layer, size in enumerate(SIZES)]
gradient_norms = torch._foreach_norm(gradients)
before = [torch.empty(size) for size in SIZES] if WHAT != "step" else []  # allocated once: a new copy every step is slower
for p, g in zip(parameters, gradients):
    p.grad = g


def reset():
    for p, start in zip(parameters, start_parameters):
        p.copy_(start)


def optimizer_over(tensors, mode):
    kind, options = OPTIMIZERS[ALGORITHM]
    return kind(tensors, lr=LEARNING_RATE, **options, **mode)


def values(tensors):
    return torch.stack(tensors).tolist()


# --- arrangements: each is a function that steps everything and returns the statistics of every layer ---------------------------


def step_only(mode):
    optimizer = optimizer_over(parameters, mode)

    def step():
        optimizer.step()
        return []

    return step


NORMS = ["gradientNorm", "parameterNorm", "updateNorm"]


def step_and_norms(mode):
    optimizer = optimizer_over(parameters, mode)

    def step():
        for copy, p in zip(before, parameters):
            copy.copy_(p)
        optimizer.step()
        parameter_norms = torch._foreach_norm(before)
        torch._foreach_sub_(before, parameters)  # the update, but for its sign
        norms = torch._foreach_norm(gradients) + parameter_norms + torch._foreach_norm(before)
        found = values(norms)
        count = len(SIZES)
        return [found[kind * count + layer] for layer in range(count) for kind in range(3)]

    return step


def cosine(product, a, b):
    return product / (a * b) if a * b > 0 else 0.0


def moment_of(optimizer, p):
    """The first moment and what corrects it for its start at zero."""
    state = optimizer.state[p]
    return state["exp_avg"], 1 - 0.9 ** int(state["step"])


def with_operations(mode):
    """The operation made for each statistic, over all layers."""
    optimizer = optimizer_over(parameters, mode)

    def step():
        for copy, p in zip(before, parameters):
            copy.copy_(p)
        optimizer.step()
        moments = [moment_of(optimizer, p)[0] for p in parameters]
        correction = moment_of(optimizer, parameters[0])[1]
        columns = [torch._foreach_norm(gradients), torch._foreach_norm(before), torch._foreach_norm(moments)]
        for tensors in (gradients, before):
            pairs = [torch.var_mean(t, unbiased=False) for t in tensors]
            columns += [[mean for _, mean in pairs], [variance for variance, _ in pairs]]
        columns.append([torch.linalg.vector_norm(g, float("inf")) for g in gradients])
        columns.append([torch.count_nonzero(torch.isfinite(g)).float() for g in gradients])
        columns.append([torch.dot(g, m) for g, m in zip(gradients, moments)])
        columns.append([torch.dot(g, p) for g, p in zip(gradients, before)])
        torch._foreach_sub_(before, parameters)
        columns.append(torch._foreach_norm(before))
        columns.append([torch.dot(g, u) for g, u in zip(gradients, before)])
        found = values([value for column in columns for value in column])
        result, count = [], len(SIZES)
        for layer, size in enumerate(SIZES):
            gn, pn, mn, gm, gv, pm, pv, maximum, finite, g_m, g_p, un, g_u = found[layer::count]
            result += [gn, gm, gv, maximum, pn, pm, pv, mn / correction, un, un / (pn + 1e-12)]
            result += [cosine(g_m, gn, mn), cosine(g_p, gn, pn), -cosine(g_u, gn, un), size - finite]
        return result

    return step


def layer_sums(p, g, m, copy, gradient_sum, parameter_sum):
    """Sums by BLAS's dot product: one pass over two arrays, no array in between."""
    products = [torch.dot(copy, copy), torch.dot(g, copy)]
    torch.sub(copy, p, out=copy)
    least, most = torch.aminmax(g)
    others = [torch.dot(g, g), torch.dot(m, m), torch.dot(g, m), torch.dot(copy, copy), torch.dot(g, copy)]
    return products + others + [gradient_sum, parameter_sum, least, most]


def layer_statistics(sums, g, size, correction):
    pp, gp, gg, mm, gm, uu, gu, gradient_sum, parameter_sum, least, most = sums
    gn, pn, mn, un = math.sqrt(gg), math.sqrt(pp), math.sqrt(mm), math.sqrt(uu)
    gradient_mean, parameter_mean = gradient_sum / size, parameter_sum / size
    # A finite sum of squares has finite summands; only otherwise is it worth counting.
    non_finite = 0 if math.isfinite(gg) else size - int(torch.count_nonzero(torch.isfinite(g)))
    return [
        gn, gradient_mean, gg / size - gradient_mean**2, max(-least, most),
        pn, parameter_mean, pp / size - parameter_mean**2, mn / correction, un, un / (pn + 1e-12),
        cosine(gm, gn, mn), cosine(gp, gn, pn), -cosine(gu, gn, un), non_finite,
    ]  # fmt: skip


def with_dots(mode):
    """Sums and dot products only, from which everything else follows; the step over all layers first."""
    optimizer = optimizer_over(parameters, mode)

    def step():
        for copy, p in zip(before, parameters):
            copy.copy_(p)
        optimizer.step()
        sums = []
        for p, g, copy in zip(parameters, gradients, before):
            sums += layer_sums(p, g, moment_of(optimizer, p)[0], copy, g.sum(), copy.sum())
        found, result = values(sums), []
        correction = moment_of(optimizer, parameters[0])[1]
        for layer, size in enumerate(SIZES):
            result += layer_statistics(found[11 * layer : 11 * layer + 11], gradients[layer], size, correction)
        return result

    return step


def with_dots_by_layer(mode):
    """The same, layer by layer with an optimizer each: a layer that fits a cache stays in it."""
    optimizers = [optimizer_over([p], mode) for p in parameters]

    def step():
        sums = []
        for optimizer, p, g, copy in zip(optimizers, parameters, gradients, before):
            copy.copy_(p)
            optimizer.step()
            sums += layer_sums(p, g, moment_of(optimizer, p)[0], copy, g.sum(), copy.sum())
        found, result = values(sums), []
        correction = moment_of(optimizers[0], parameters[0])[1]
        for layer, size in enumerate(SIZES):
            result += layer_statistics(found[11 * layer : 11 * layer + 11], gradients[layer], size, correction)
        return result

    return step


MODES = {"fused": {"fused": True}, "foreach": {"foreach": True}, "one tensor at a time": {"foreach": False}}
ARRANGEMENTS = {
    "step": {"": step_only},
    "norms": {"_foreach_norm": step_and_norms},
    "all": {"an operation a statistic": with_operations, "dot products": with_dots, "dot products by layer": with_dots_by_layer},
}[WHAT]
STATISTIC_NAMES = {"step": [], "norms": NORMS, "all": ALL}[WHAT]


def evidence(steps, statistics):
    sample = [float(p[i]) for p, size in zip(parameters, SIZES) for i in positions(size)]
    return {"steps": steps, "parameters": sample, "statistics": statistics, "statisticNames": STATISTIC_NAMES}


def opened(make, mode):
    """The arrangement after its first steps, its statistics then, and the time of the fastest step but the first."""
    reset()
    step, statistics, fastest = make(mode), [], math.inf
    for i in range(FIRST_STEPS):
        start = time.perf_counter()
        statistics = step()
        if i > 0:
            fastest = min(fastest, time.perf_counter() - start)
    return step, statistics, fastest


def best_time(make, mode):
    step, _, fastest = opened(make, mode)
    end = time.perf_counter() + 0.4
    while time.perf_counter() < end:
        start = time.perf_counter()
        step()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest


def gradients_changed():
    return any(bool(norm != was) for norm, was in zip(torch._foreach_norm(gradients), gradient_norms))


times = {}
for mode_name, mode in MODES.items():
    for arrangement, make in ARRANGEMENTS.items():
        try:
            seconds = best_time(make, mode)
        except (RuntimeError, TypeError, NotImplementedError):
            continue  # this version, or this optimizer, has no such mode on a CPU
        if gradients_changed():  # SGD(nesterov=True, foreach=True) of PyTorch 1.13 adds to the caller's gradients
            for layer, g in enumerate(gradients):
                g.copy_(sequence(layer, len(g), GRADIENTS))
            continue
        times[mode_name, arrangement] = seconds
if not times:
    reply(unavailable=f"not measured: PyTorch {torch.__version__} runs no arrangement of {ALGORITHM}")
    sys.exit(0)
mode_name, arrangement = min(times, key=times.get)
step, statistics, _ = opened(ARRANGEMENTS[arrangement], MODES[mode_name])
taken = FIRST_STEPS
note = ", ".join(filter(None, [mode_name, arrangement])) + f"; the fastest of {len(times)} arrangements"
reply(ready=True, version=torch.__version__, note=note, evidence=evidence(taken, statistics))
for line in sys.stdin:
    message = json.loads(line)
    if "run" not in message:
        reply(evidence=evidence(taken, statistics))
        continue
    limit, steps = message["run"] / 1e3, 0
    step()
    start = time.perf_counter()
    while steps == 0 or time.perf_counter() - start < limit:
        statistics = step()
        steps += 1
    seconds = time.perf_counter() - start
    taken += steps + 1
    reply(steps=steps, wallSeconds=seconds)
