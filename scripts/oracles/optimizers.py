#!/usr/bin/python3
"""PyTorch's own results for the optimisers, for test/optimizer/devices/optimizer-vectors.test.ts.

    scripts/setup --bench && /usr/bin/python3 scripts/oracles/optimizers.py

writes test/vectors/optimizers.json: fifty steps of each optimiser over two layers with their own learning rates, which change at every
step. Gradients are float32 values; results are given for float64 arithmetic (the truth) and for float32. In some cases an array has no
gradient in some steps, as one has that joins later or is frozen for a while: PyTorch leaves it, its moments and its step counter alone.
"""
import json
import math
import pathlib

import numpy
import torch

STEPS = 50
CHECKPOINTS = [1, 2, 3, 10, 25, 50]
# Layer 0 has weights and a bias; layer 1 one array. Odd sizes, so that vector tails are used.
LAYERS = [[35, 7], [19]]

CASES = [
    ("sgd", "sgd", {}),
    ("sgd, weight decay", "sgd", {"weightDecay": 0.05}),
    ("momentum", "momentum", {}),
    ("momentum 0.5, weight decay", "momentum", {"momentum": 0.5, "weightDecay": 0.02}),
    ("nesterov", "nesterov", {}),
    ("nesterov, weight decay", "nesterov", {"weightDecay": 0.02}),
    ("rmsprop", "rmsprop", {}),
    ("rmsprop, rho 0.9, epsilon 1e-6, weight decay", "rmsprop", {"rho": 0.9, "epsilon": 1e-6, "weightDecay": 0.02}),
    ("adam", "adam", {}),
    ("adam, other betas and epsilon", "adam", {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-5}),
    ("adam, weight decay", "adam", {"weightDecay": 0.05}),
    ("adamw, default weight decay", "adamw", {}),
    ("adamw, no weight decay", "adamw", {"weightDecay": 0.0}),
    ("adamw, weight decay", "adamw", {"weightDecay": 0.3}),
    ("adam, beta1 0", "adam", {"beta1": 0}),
    ("adam, beta1 0.3, weight decay", "adam", {"beta1": 0.3, "weightDecay": 0.05}),
    ("adamw, beta1 0.5", "adamw", {"beta1": 0.5}),
    ("adamw, both betas 0", "adamw", {"beta1": 0, "beta2": 0}),
    ("adam, a bias that joins in step 11", "adam", {}, [[0, 1, 1, 10]]),
    ("adam, beta1 0.3, weights frozen from step 5 to 24", "adam", {"beta1": 0.3}, [[0, 0, 5, 24]]),
    ("adamw, all arrays away in turn", "adamw", {}, [[1, 0, 1, 2], [0, 0, 3, 3], [0, 1, 4, 9], [0, 0, 20, 40], [1, 0, 26, 26]]),
    ("rmsprop, a bias that joins in step 11", "rmsprop", {}, [[0, 1, 1, 10]]),
]


def make_optimizer(algorithm, options, groups):
    decay = options.get("weightDecay", 0.01 if algorithm == "adamw" else 0.0)
    betas = (options.get("beta1", 0.9), options.get("beta2", 0.999))
    epsilon = options.get("epsilon", 1e-8)
    momentum = options.get("momentum", 0.9)
    if algorithm == "sgd":
        return torch.optim.SGD(groups, lr=1, weight_decay=decay)
    if algorithm == "momentum":
        return torch.optim.SGD(groups, lr=1, momentum=momentum, weight_decay=decay)
    if algorithm == "nesterov":
        return torch.optim.SGD(groups, lr=1, momentum=momentum, nesterov=True, weight_decay=decay)
    if algorithm == "rmsprop":
        return torch.optim.RMSprop(groups, lr=1, alpha=options.get("rho", 0.99), eps=epsilon, weight_decay=decay)
    cls = torch.optim.Adam if algorithm == "adam" else torch.optim.AdamW
    return cls(groups, lr=1, betas=betas, eps=epsilon, weight_decay=decay)


def run(algorithm, options, absent, dtype, start, gradients, rates):
    parameters = [[torch.tensor(a, dtype=dtype, requires_grad=True) for a in layer] for layer in start]
    optimizer = make_optimizer(algorithm, options, [{"params": layer} for layer in parameters])
    results = []
    for step in range(STEPS):
        for l, layer in enumerate(parameters):
            optimizer.param_groups[l]["lr"] = rates[step][l]
            for a, array in enumerate(layer):
                away = any(where == [l, a] and first <= step + 1 <= last for *where, first, last in absent)
                array.grad = None if away else torch.tensor(gradients[step][l][a], dtype=dtype)
        optimizer.step()
        if step + 1 in CHECKPOINTS:
            results.append([[array.detach().numpy().tolist() for array in layer] for layer in parameters])
    return results


def shortest(value):
    """The shortest decimal that reads back as the same float32: keeps the file small."""
    if isinstance(value, list):
        return [shortest(v) for v in value]
    return float(str(numpy.float32(value)))


def rounded(value, digits):
    if isinstance(value, list):
        return [rounded(v, digits) for v in value]
    return float(f"{value:.{digits}g}")


def main():
    random = numpy.random.RandomState(20231128)
    draw = lambda n, scale: (random.standard_normal(n) * scale).astype(numpy.float32)
    start = [[draw(n, 0.5) for n in layer] for layer in LAYERS]
    gradients = []
    for step in range(STEPS):
        # Scales from 1e-6 to 10, so that epsilon matters in some steps; every seventh step some entries are exactly 0.
        scale = 10.0 ** (-2.5 + 3.5 * math.sin(0.9 * step))
        arrays = [[draw(n, scale) for n in layer] for layer in LAYERS]
        if step % 7 == 3:
            for layer in arrays:
                for array in layer:
                    array[::3] = 0
        gradients.append(arrays)
    rates = [
        [float(numpy.float32(3e-3 * 0.9**step)), float(numpy.float32(0.0 if step == 20 else 1e-2 * (1 + math.cos(0.3 * step)) + 1e-5))]
        for step in range(STEPS)
    ]
    cases = []
    for name, algorithm, options, *rest in CASES:
        absent = rest[0] if rest else []
        cases.append(
            {
                "name": name,
                "algorithm": algorithm,
                "hyperparameters": options,
                **({"absent": absent} if absent else {}),
                "float64": rounded(run(algorithm, options, absent, torch.float64, start, gradients, rates), 12),
                "float32": shortest(run(algorithm, options, absent, torch.float32, start, gradients, rates)),
            }
        )
    as_lists = lambda nested: shortest([[a.tolist() for a in layer] for layer in nested])
    document = {
        "torch": torch.__version__,
        "command": "/usr/bin/python3 scripts/oracles/optimizers.py",
        "checkpoints": CHECKPOINTS,
        "parameters": as_lists(start),
        "gradients": [as_lists(step) for step in gradients],
        "learningRates": shortest(rates),
        "cases": cases,
    }
    path = pathlib.Path(__file__).resolve().parents[2] / "test/vectors/optimizers.json"
    path.parent.mkdir(exist_ok=True)
    # One line a case: small, and a change shows in which case it is.
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in document.pop("cases"))
    head = json.dumps(document, separators=(",", ":"))
    path.write_text(f'{head[:-1]},"cases":[\n{lines}\n]}}\n')
    print(f"{path.name}: {path.stat().st_size} bytes, {len(cases)} cases")


main()
