"""PyTorch contender of bench:population-device; see population_case.py for its words.

VARIANT `vmap`: torch.func's grad and functional_call of one network, vmapped. `graphs`: the networks stacked by hand, dense layers as
batched products and convolutions grouped or as batched products of shifted images, a CUDA graph a step. Adam is torch.optim's, fused, over
the stacked parameters. Batches are drawn on the device from images that lie there.
"""
import sys
import warnings

from contender import reply, torch

import torch.nn as nn
import torch.nn.functional as F

import population_case as case
from layer_statistics import layer_statistics
from population_case import BATCH, DEVICE, IMAGES, NETWORKS, SHAPE

warnings.filterwarnings("ignore")
ON_CUDA = DEVICE.startswith("cuda")
if ON_CUDA and not torch.cuda.is_available():
    reply(unavailable=f"not measured: PyTorch {torch.__version__} sees no CUDA device")
    sys.exit(0)
TF32 = case.PRECISION == "tf32"
if TF32 and not ON_CUDA:
    reply(unavailable="not measured: only CUDA devices have tf32")
    sys.exit(0)
if case.VARIANT == "vmap" and not hasattr(torch, "func"):
    reply(unavailable=f"not measured: PyTorch {torch.__version__} has no torch.func")
    sys.exit(0)
torch.manual_seed(0)
torch.set_float32_matmul_precision("high" if TF32 else "highest")
torch.backends.cudnn.allow_tf32 = TF32
torch.backends.cudnn.benchmark = True

images = torch.randint(0, 256, (IMAGES, SHAPE[2], *SHAPE[:2]), dtype=torch.uint8, device=DEVICE)
labels = torch.randint(0, case.CLASSES, (IMAGES,), device=DEVICE)


def batch():
    """[networks, batch, channels, height, width] and [networks, batch]"""
    indices = torch.randint(0, IMAGES, (NETWORKS, BATCH), device=DEVICE)
    pixels = images[indices].to(torch.float32)
    return pixels.mul_(1 / (255 * case.DEVIATION)).sub_(case.MEAN / case.DEVIATION), labels[indices]


def stacked(shape, fan_in):
    return torch.randn(NETWORKS, *shape, device=DEVICE).mul_((2 / fan_in) ** 0.5)


class Trained:
    """Adam over stacked parameters, weight and bias of a layer one after the other, and statistics of it where they are wanted."""

    def __init__(self, parameters):
        self.parameters = parameters
        mode = {"fused": True, "capturable": True} if ON_CUDA else {"foreach": True}
        self.adam = torch.optim.Adam(parameters, lr=case.LEARNING_RATE, betas=(case.BETA1, case.BETA2), eps=case.EPSILON, **mode)
        self.statistics = case.STATISTICS == "all"
        if self.statistics:
            self.before = [torch.empty_like(p, requires_grad=False) for p in parameters]
            self.totals = [torch.zeros(NETWORKS, 14, device=DEVICE) for _ in parameters[::2]]

    def update(self, gradients):
        for p, g in zip(self.parameters, gradients):
            p.grad = g
        if not self.statistics:
            self.adam.step()
            return
        with torch.no_grad():
            for copy, p in zip(self.before, self.parameters):
                copy.copy_(p)
            self.adam.step()
            moments = [self.adam.state[p]["exp_avg"] for p in self.parameters]
            steps = self.adam.state[self.parameters[0]]["step"]
            correction = 1 - case.BETA1 ** torch.as_tensor(steps, dtype=torch.float32).to(DEVICE)
            flat = lambda t: t.reshape(NETWORKS, -1)
            arrays = [
                (flat(g), flat(b), flat(m), flat(p) - flat(b))
                for g, b, m, p in zip(gradients, self.before, moments, self.parameters)
            ]
            for total, layer in zip(self.totals, range(0, len(arrays), 2)):
                total += layer_statistics(arrays[layer : layer + 2], correction)


def synchronized(step):
    """Runs so many steps; `step` leaves the mean loss on the device."""

    def run(count):
        for _ in range(count):
            loss = step()
        return float(loss)  # waits

    return run


def graphed(step):
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):  # what is lazy, and cuDNN's search, happens outside
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()

    def replay():
        graph.replay()
        return loss

    return replay


# --- vmap -----------------------------------------------------------------------------------------------------------------------


def module():
    parts = []
    for kind, inputs, outputs in case.layers():
        if kind == "conv":
            parts += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        else:
            if not any(isinstance(part, nn.Flatten) for part in parts):
                parts.append(nn.Flatten())
            parts += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def vmapped(compiled):
    from torch.func import functional_call, grad_and_value, vmap

    base = module().to(DEVICE)
    weights = {}
    for name, value in base.named_parameters():
        fan_in = value[0].numel()
        weights[name] = stacked(value.shape, fan_in) if value.dim() > 1 else torch.zeros(NETWORKS, *value.shape, device=DEVICE)
    trained = Trained(list(weights.values()))

    def loss_of(parameters, x, y):
        return F.cross_entropy(functional_call(base, parameters, (x,)), y)

    gradients = vmap(grad_and_value(loss_of), in_dims=(0, 0, 0))
    if compiled:
        gradients = torch.compile(gradients, dynamic=False)

    def step():
        found, losses = gradients(weights, *batch())
        trained.update([found[name].detach() for name in weights])
        return losses.detach().mean()

    return step


# --- stacked by hand ------------------------------------------------------------------------------------------------------------


def grouped_convolutions(x, parameters):
    x = x.transpose(0, 1).reshape(BATCH, -1, *SHAPE[:2])
    for weight, bias in parameters:
        x = F.conv2d(x, weight.flatten(0, 1), bias.flatten(), padding=1, groups=NETWORKS)
        x = F.max_pool2d(F.relu(x), 2)
    return x.view(BATCH, NETWORKS, -1).transpose(0, 1)


def convolutions_as_products(x, parameters):
    x = x.transpose(1, 2)  # [networks, channels, batch, height, width]
    for weight, bias in parameters:
        _, channels, _, height, width = x.shape
        padded = F.pad(x, (1, 1, 1, 1))
        shifted = torch.stack([padded[..., i : i + height, j : j + width] for i in range(3) for j in range(3)], dim=2)
        columns = shifted.reshape(NETWORKS, channels * 9, -1)
        x = torch.baddbmm(bias.unsqueeze(-1), weight.flatten(2), columns)
        x = F.max_pool2d(F.relu(x).view(-1, BATCH, height, width), 2).view(NETWORKS, weight.shape[1], BATCH, height // 2, width // 2)
    return x.transpose(1, 2).reshape(NETWORKS, BATCH, -1)


def by_hand(convolutions):
    parameters = []
    for kind, inputs, outputs in case.layers():
        shape = (outputs, inputs, 3, 3) if kind == "conv" else (inputs, outputs)
        weight, bias = stacked(shape, inputs * (9 if kind == "conv" else 1)), torch.zeros(NETWORKS, outputs, device=DEVICE)
        parameters += [weight.requires_grad_(), bias.requires_grad_()]
    trained = Trained(parameters)
    pairs = list(zip(parameters[::2], parameters[1::2]))
    count = len(case.FILTERS)

    def step():
        x, y = batch()
        x = convolutions(x, pairs[:count]) if count > 0 else x.flatten(2)
        for layer, (weight, bias) in enumerate(pairs[count:]):
            x = torch.baddbmm(bias.unsqueeze(1), x, weight)
            if layer + 1 < len(pairs) - count:
                x = F.relu(x)
        losses = F.cross_entropy(x.flatten(0, 1), y.flatten(), reduction="none").view(NETWORKS, BATCH).mean(1)
        trained.update(torch.autograd.grad(losses.sum(), parameters))
        return losses.detach().mean()

    return step


def arrangements():
    if case.VARIANT == "vmap":
        yield "vmap", lambda: synchronized(vmapped(False))
        if ON_CUDA:
            yield "vmap, CUDA graph", lambda: synchronized(graphed(vmapped(False)))
        yield "vmap, compiled", lambda: synchronized(vmapped(True))
        return
    ways = {"grouped convolutions": grouped_convolutions, "convolutions as products": convolutions_as_products}
    for name, way in ways.items() if case.FILTERS else [("batched products", None)]:
        make = lambda way=way: by_hand(way)
        yield name, (lambda make=make: synchronized(graphed(make()))) if ON_CUDA else (lambda make=make: synchronized(make()))


case.serve(torch.__version__, arrangements())
