#!/usr/bin/python3
"""PyTorch's own learning rates for the schedules it has, for test/schedules/hand-made-schedules.test.ts.

    scripts/setup --bench && /usr/bin/python3 scripts/oracles/schedules.py

writes test/vectors/schedules.json: per case the factor on the initial learning rate at each of the horizon's optimiser steps (the
learning rate in force when that step is taken; the scheduler steps after each).
"""
import json
import pathlib

import torch
from torch.optim import lr_scheduler

CASES = [
    ("step", "step", {}, 40, lambda o, T: lr_scheduler.MultiStepLR(o, [T // 2, 3 * T // 4], 0.1)),
    ("step, three milestones", "step", {"milestones": [0.25, 0.5, 0.9], "gamma": 0.3}, 20,
     lambda o, T: lr_scheduler.MultiStepLR(o, [5, 10, 18], 0.3)),
    ("exponential", "exponential", {}, 40, lambda o, T: lr_scheduler.ExponentialLR(o, 0.01 ** (1 / T))),
    ("exponential, gamma", "exponential", {"gamma": 0.95}, 30, lambda o, T: lr_scheduler.ExponentialLR(o, 0.95)),
    ("cosine", "cosine", {}, 40, lambda o, T: lr_scheduler.CosineAnnealingLR(o, T)),
    ("cosine, minimum", "cosine", {"minimum": 0.1}, 21, lambda o, T: lr_scheduler.CosineAnnealingLR(o, T, eta_min=0.1)),
    ("one-cycle", "one-cycle", {}, 40, lambda o, T: lr_scheduler.OneCycleLR(o, 1.0, total_steps=T, cycle_momentum=False)),
    ("one-cycle, odd horizon", "one-cycle", {}, 33,
     lambda o, T: lr_scheduler.OneCycleLR(o, 1.0, total_steps=T, cycle_momentum=False)),
    ("one-cycle, linear", "one-cycle",
     {"annealing": "linear", "riseFraction": 0.45, "initialDivisor": 10, "finalDivisor": 100}, 40,
     lambda o, T: lr_scheduler.OneCycleLR(o, 1.0, total_steps=T, pct_start=0.45, anneal_strategy="linear",
                                          div_factor=10, final_div_factor=100, cycle_momentum=False)),
]


def factors(horizon, make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer, horizon)
    values = []
    for _ in range(horizon):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step() if len(values) < horizon else None
    return values


cases = [
    {"name": name, "schedule": schedule, "options": options, "horizon": horizon, "factors": factors(horizon, make)}
    for name, schedule, options, horizon, make in CASES
]
path = pathlib.Path(__file__).parents[2] / "test" / "vectors" / "schedules.json"
path.write_text(json.dumps({"torch": torch.__version__, "cases": cases}, indent=1) + "\n")
print(f"wrote {path}")
