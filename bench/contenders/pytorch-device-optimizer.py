"""PyTorch contender of bench:optimizer-device: pytorch-device-optimizer.py WHAT DEVICE LEARNING_RATE ROWS SIZES.

Adam over tensors that stay on DEVICE (`cuda:0`; `cpu` to try the program). WHAT is `step`, `norms` (the step, and norms of gradients,
parameters and updates) or `all` (the whole set). Statistics are computed at every step and stay on the device; nothing waits for it but
the end of a slice. ROWS is how many layers of one size a tensor holds, [ROWS, size]: 1, or the networks of a population stacked. Of the
arrangements that this PyTorch can run the fastest is measured. Protocol: serveSteps in bench/contenders/protocol.ts.
"""
import json
import sys
import time
import warnings

from contender import reply, torch

from layer_statistics import ALL, from_sums, layer_statistics
from step_values import GRADIENTS, PARAMETERS, positions, sequence

warnings.filterwarnings("ignore")
WHAT, DEVICE = sys.argv[1:3]
LEARNING_RATE, ROWS, SIZES = float(sys.argv[3]), int(sys.argv[4]), json.loads(sys.argv[5])
FIRST_STEPS = 3
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
ON_CUDA = DEVICE.startswith("cuda")
STARTED = time.perf_counter()
# torch.compile and CUDA graphs of thousands of tensors take minutes to make; the benchmark gives up on who says nothing for three.
COMPILED_TENSORS, PATIENCE_SECONDS = 64, 90

if ON_CUDA and not torch.cuda.is_available():
    reply(unavailable=f"not measured: PyTorch {torch.__version__} sees no CUDA device")
    sys.exit(0)
torch.set_grad_enabled(False)


def synchronize():
    if ON_CUDA:
        torch.cuda.synchronize(DEVICE)


def tensors(stride):
    """Layer after layer: a tensor holds ROWS of them."""
    sizes = SIZES[::ROWS]
    return [
        torch.stack([sequence(ROWS * i + row, size, stride, DEVICE) for row in range(ROWS)])
        if ROWS > 1
        else sequence(i, size, stride, DEVICE)
        for i, size in enumerate(sizes)
    ]


parameters, gradients = tensors(PARAMETERS), tensors(GRADIENTS)
before = [torch.empty_like(p) for p in parameters] if WHAT != "step" else []
moments = [[torch.zeros_like(p) for p in parameters] for _ in range(2)]


def copy_all(to, values):
    if hasattr(torch, "_foreach_copy_"):
        torch._foreach_copy_(to, values)
    else:
        for target, value in zip(to, values):
            target.copy_(value)


def reset():
    for layer, p in enumerate(parameters):  # made again: a second copy would be a gigabyte
        for row, target in enumerate(p if ROWS > 1 else [p]):
            target.copy_(sequence(ROWS * layer + row, target.numel(), PARAMETERS, DEVICE))


class Adam:
    """torch.optim.Adam over all tensors."""

    def __init__(self, mode):
        for p, g in zip(parameters, gradients):
            p.grad = g
        self.optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON, **mode)

    def step(self):
        self.optimizer.step()

    def first_moments(self):
        return [self.optimizer.state[p]["exp_avg"] for p in parameters]

    def correction(self):
        count = self.optimizer.state[parameters[0]]["step"]
        return 1 - BETA1 ** (count if isinstance(count, torch.Tensor) else float(count))


def norms(values):
    """Of every layer."""
    return [torch.linalg.vector_norm(value, dim=-1) for value in values] if ROWS > 1 else torch._foreach_norm(values)


NORMS = ["gradientNorm", "parameterNorm", "updateNorm"]


def step_only(adam):
    return lambda: adam.step() or []


def with_norms(adam):
    def step():
        copy_all(before, parameters)
        adam.step()
        parameter_norms = norms(before)
        torch._foreach_sub_(before, parameters)  # the update, but for its sign
        return [norms(gradients), parameter_norms, norms(before)]

    return step


def all_statistics(moment_list, correction):
    return [
        layer_statistics([(g, p, m, after - p)], correction)
        for g, p, m, after in zip(gradients, before, moment_list, parameters)
    ]


def with_operations(adam, statistics=all_statistics):
    def step():
        copy_all(before, parameters)
        adam.step()
        correction = torch.as_tensor(adam.correction(), dtype=torch.float32).to(DEVICE)
        return statistics(adam.first_moments(), correction)

    return step


def with_compiled_statistics(adam):
    return with_operations(adam, torch.compile(all_statistics, dynamic=False))


def with_foreach(adam):
    """Norms alone, which foreach has: a product is what the norm of a sum has more than those of its two terms, a sum likewise."""
    sizes = torch.tensor([p.numel() for p in parameters], dtype=torch.float32, device=DEVICE)

    def squares(values):
        return torch.stack(torch._foreach_norm(values)).square()

    def step():
        copy_all(before, parameters)
        adam.step()
        first = adam.first_moments()
        gg, pp, mm = squares(gradients), squares(before), squares(first)
        gm = squares(torch._foreach_add(gradients, first)) - gg - mm
        gp = squares(torch._foreach_add(gradients, before)) - gg - pp
        sums = [squares(torch._foreach_add(values, 1.0)) - own - sizes for values, own in ((gradients, gg), (before, pp))]
        largest = torch.stack(torch._foreach_norm(gradients, float("inf")))
        torch._foreach_sub_(before, parameters)
        uu = squares(before)
        gu = squares(torch._foreach_sub(gradients, before)) - gg - uu
        finite = torch.where(torch.isfinite(gg), sizes, torch.zeros_like(sizes))
        correction = torch.as_tensor(adam.correction(), dtype=torch.float32).to(DEVICE)
        columns = from_sums(sizes, gg, pp, mm, uu, gm / 2, gp / 2, gu / 2, sums[0] / 2, sums[1] / 2, finite, largest, correction)
        return [torch.stack(columns, dim=-1)]

    return step


def whole_step(steps):
    """Adam written out, for the compiler to fuse with the statistics."""
    steps += 1
    correction1, correction2 = 1 - BETA1**steps, 1 - BETA2**steps
    found = []
    for p, g, m, v in zip(parameters, gradients, *moments):
        m1 = m + (g - m) * (1 - BETA1)
        v1 = v * BETA2 + g * g * (1 - BETA2)
        p1 = p - (LEARNING_RATE / correction1) * m1 / (v1.sqrt() / correction2.sqrt() + EPSILON)
        found.append(layer_statistics([(g, p, m1, p1 - p)], correction1))
        p.copy_(p1)
        m.copy_(m1)
        v.copy_(v1)
    return found


def with_compiled_step():
    for moment in moments[0] + moments[1]:
        moment.zero_()
    steps, compiled = torch.zeros((), device=DEVICE), torch.compile(whole_step, dynamic=False)
    return lambda: compiled(steps)


def graphed(step):
    """The same as one CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()  # what is lazy is made outside
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = step()
    synchronize()

    def replay():
        graph.replay()
        return found

    return replay


def arrangements():
    """[name, function that makes a step, how many steps making it has taken], what promises most first."""
    makers = {"step": step_only} if WHAT == "step" else {"norms": with_norms} if WHAT == "norms" else {"operations": with_operations}
    if WHAT == "all" and ROWS == 1:
        makers["foreach norms"] = with_foreach
    if len(parameters) > 1000:
        makers.pop("operations", None)  # some thirty launches a tensor: seconds a step
    compiles = WHAT == "all" and len(parameters) <= COMPILED_TENSORS and hasattr(torch, "compile")
    if compiles:
        yield "step and statistics compiled together", with_compiled_step, 0
    for mode_name, mode in (("fused", {"fused": True}), ("foreach", {"foreach": True})):
        for name, make in makers.items():
            yield f"{mode_name}, {name}", lambda make=make, mode=mode: make(Adam(mode)), 0
            if ON_CUDA:
                capturable = {**mode, "capturable": True}
                yield f"{mode_name}, {name}, CUDA graph", lambda make=make, mode=capturable: graphed(make(Adam(mode))), 1
        if compiles and mode_name == "fused":
            yield "fused, compiled statistics", lambda mode=mode: with_compiled_statistics(Adam(mode)), 0


def opened(make, taken):
    """The arrangement after its first steps, and its statistics then."""
    reset()
    step, statistics = make(), []
    for _ in range(FIRST_STEPS - taken):
        statistics = step()
    synchronize()
    return step, statistics


def time_of(step, seconds):
    """The fastest of three means, after steps that warm up."""
    steps, start = 0, time.perf_counter()
    while steps < 3 or time.perf_counter() - start < seconds / 4:
        step()
        steps += 1
        synchronize()
    means = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        synchronize()
        means.append((time.perf_counter() - start) / steps)
    return min(means)


def as_list(statistics):
    """[layers, statistics]"""
    if WHAT == "norms":
        columns = [torch.cat([value.reshape(-1) for value in column]) for column in statistics]
        return torch.stack(columns, dim=-1).reshape(-1).tolist()
    return torch.cat([value.reshape(-1) for value in statistics]).tolist() if statistics else []


NAMES = {"step": [], "norms": NORMS, "all": ALL}[WHAT]


def evidence(steps, statistics):
    rows = [row for p in parameters for row in (p if ROWS > 1 else [p])]
    sample = torch.cat([row[positions(size)] for row, size in zip(rows, SIZES)]).tolist()
    return {"steps": steps, "parameters": sample, "statistics": as_list(statistics), "statisticNames": NAMES}


times, makers = {}, {}
for name, make, taken in arrangements():
    if times and time.perf_counter() - STARTED > PATIENCE_SECONDS:
        break
    try:
        times[name] = time_of(opened(make, taken)[0], 0.4)
        makers[name] = make, taken
    except Exception as error:  # this version, or this optimizer on this device, has no such arrangement
        print(f"{name}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
if not times:
    reply(unavailable=f"not measured: PyTorch {torch.__version__} runs no arrangement of it on {DEVICE}")
    sys.exit(0)
best = min(times, key=times.get)
step, statistics = opened(*makers[best])
taken, seconds_per_step = FIRST_STEPS, times[best]
note = f"{best}; the fastest of {len(times)} arrangements"
reply(ready=True, version=torch.__version__, note=note, arrangements=times, evidence=evidence(taken, statistics))
for line in sys.stdin:
    message = json.loads(line)
    if "run" not in message:
        reply(evidence=evidence(taken, statistics))
        continue
    steps = max(1, round(message["run"] / 1e3 / seconds_per_step))
    step()
    synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        statistics = step()
    synchronize()
    seconds = time.perf_counter() - start
    taken, seconds_per_step = taken + steps + 1, seconds / steps
    reply(steps=steps, wallSeconds=seconds)
