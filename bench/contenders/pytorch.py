"""PyTorch contender of bench:children: pytorch.py CASE VARIANT. See bench/support/contender.ts for the protocol."""
import json
import sys
import time

from contender import reply, torch

import torch.nn as nn
import torch.nn.functional as F

CASE, VARIANT = sys.argv[1:3]
BATCH = 64
IMAGES = 4096

torch.set_num_threads(1)
torch.manual_seed(0)
torch.set_flush_denormal(True)

if CASE == "mlp":
    shape = (784,)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
else:
    shape, filters, hidden = ((1, 28, 28), (16, 32), 64) if CASE == "cnn-small" else ((3, 32, 32), (32, 64, 64), 128)
    channels, size, layers = shape[0], shape[1], []
    for count in filters:
        layers += [nn.Conv2d(channels, count, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels, size = count, size // 2
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * size * size, hidden), nn.ReLU(), nn.Linear(hidden, 10))

images = torch.randn(IMAGES, *shape)
labels = torch.randint(0, 10, (IMAGES,))
if VARIANT == "channels-last" and images.dim() == 4:
    model = model.to(memory_format=torch.channels_last)
    images = images.to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), 1e-3, foreach=VARIANT != "eager")


def step():
    batch = torch.randint(0, IMAGES, (BATCH,))
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(images[batch]), labels[batch])
    loss.backward()
    optimizer.step()
    return loss.item()


for _ in range(3):
    step()
# Debian's PyTorch does its dense layers with whatever libblas is chosen; the reference one is ten times slower than OpenBLAS, and a
# figure taken with it would flatter us.
with open("/proc/self/maps") as maps:
    libraries = {line.split("/")[-1].strip() for line in maps if ".so" in line}
fast = [name for name in libraries if name.startswith(("libopenblas", "libmkl", "libblis"))]
if not fast and any(name.startswith("libblas.") for name in libraries):
    reply(unavailable="not measured: PyTorch runs on the reference BLAS; install OpenBLAS with: scripts/setup --bench")
    sys.exit(0)
reply(ready=True, version=torch.__version__)
for line in sys.stdin:
    limit = json.loads(line)["run"] / 1e3
    cpu, start, steps, loss = time.process_time(), time.perf_counter(), 0, float("nan")
    while steps == 0 or time.perf_counter() - start < limit:
        loss = step()
        steps += 1
    reply(
        steps=steps,
        loss=loss if loss == loss and abs(loss) != float("inf") else None,
        wallSeconds=time.perf_counter() - start,
        cpuSeconds=time.process_time() - cpu,
    )
