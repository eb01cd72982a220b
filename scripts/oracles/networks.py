#!/usr/bin/python3
"""PyTorch's loss and gradients for small networks of every layer type, for test/networks/devices/network-vectors.test.ts.

    scripts/setup --bench && /usr/bin/python3 scripts/oracles/networks.py

writes test/vectors/networks.safetensors. The cases' specs are ganno's own (src/networks/spec.ts), in the metadata; per case there are
`images` (uint8, NHWC), `labels`, `indices` (the batch, into the images), `parameters` and `gradients` (float32, layer by layer, weights
then bias or a batch norm's scale and shift, tfjs layouts); with batch norms also `running`, their means and variances after one training
step on the batch (from 0 and 1), and `evaluated`, the batch's loss with these. Everything is computed in float64; a draw in which float32 would take another branch (a ReLU or a maximum
decided by rounding) is thrown away.
"""
import json
import math
import pathlib
import struct

import numpy
import torch
import torch.nn.functional as F


def conv(filters, kernel, **options):
    return {"type": "conv", "filters": filters, "kernelSize": kernel, **options}


def dense(units, **options):
    return {"type": "dense", "units": units, **options}


def pool(kind, size, **options):
    return {"type": f"{kind}-pool", "size": size, **options}


def norm(**options):
    return {"type": "batch-norm", **options}


def residual(*layers, **options):
    return {"type": "residual", "layers": list(layers), **options}


GAP = {"type": "global-average-pool"}
PROJECTION = {"shortcut": "projection"}
RELU = {"activation": "relu"}
TANH = {"activation": "tanh"}
SAME = {"padding": "same"}
VALID = {"padding": "valid"}

# name, input, layers, batch, scale of the weights (1: He-like)
CASES = [
    ("dense", [5, 5, 1], [dense(13, **RELU), dense(7, **TANH), dense(4)], 5, 1),
    ("dense, linear", [4, 3, 2], [dense(9), dense(3)], 4, 1),
    ("dense, large logits", [5, 5, 1], [dense(16, **RELU), dense(10)], 8, 12),
    ("dense, one layer", [6, 6, 1], [dense(10)], 3, 1),
    ("mlp", [28, 28, 1], [dense(20, **RELU), dense(18, **RELU), dense(10)], 16, 1),
    ("conv 1", [6, 6, 3], [conv(9, 1, **RELU), conv(4, 1, stride=2), dense(3)], 4, 1),
    ("conv 1, stride 2, odd sizes", [7, 5, 2], [conv(5, 1, stride=2, **VALID, **TANH), conv(3, 1, stride=2, **SAME), dense(4)], 3, 1),
    ("conv 3, same", [8, 8, 1], [conv(5, 3, **RELU), conv(6, 3, **TANH), dense(3)], 4, 1),
    ("conv 3, valid", [9, 8, 3], [conv(7, 3, **VALID, **RELU), conv(4, 3, **VALID), dense(5)], 5, 1),
    ("conv 3, stride 2, same, even", [8, 10, 2], [conv(6, 3, stride=2, **SAME, **RELU), conv(5, 3, stride=2, **SAME), dense(3)], 4, 1),
    ("conv 3, stride 2, same, odd", [9, 7, 3], [conv(6, 3, stride=2, **SAME, **RELU), conv(5, 3, stride=2, **SAME), dense(3)], 4, 1),
    ("conv 3, stride 2, valid", [10, 9, 1], [conv(6, 3, stride=2, **VALID, **RELU), conv(5, 3, stride=2, **VALID), dense(4)], 4, 1),
    ("conv 5, same", [8, 7, 2], [conv(4, 5, **RELU), conv(5, 5), dense(3)], 3, 1),
    ("conv 5, valid", [11, 10, 1], [conv(3, 5, **VALID, **RELU), conv(4, 5, **VALID, **TANH), dense(3)], 3, 1),
    ("conv 5, stride 2, same", [9, 8, 3], [conv(7, 5, stride=2, **TANH), conv(6, 5, stride=2, **RELU), GAP, dense(5)], 4, 1),
    ("conv 5, stride 2, valid", [13, 12, 1], [conv(4, 5, stride=2, **VALID, **RELU), dense(3)], 3, 1),
    ("conv 5 on an image smaller than its kernel", [3, 2, 1], [conv(4, 5, **SAME, **RELU), dense(3)], 3, 1),
    ("odd channels beyond a vector", [6, 6, 1], [conv(17, 3, **RELU), conv(33, 3, **RELU), GAP, dense(10)], 3, 1),
    ("max pool 2", [8, 8, 1], [conv(5, 3, **RELU), pool("max", 2), dense(4)], 4, 1),
    ("max pool 2 on odd sizes, valid and same", [9, 7, 2], [conv(5, 3, **TANH), pool("max", 2), conv(4, 3), pool("max", 2, **SAME), dense(4)], 4, 1),
    ("max pool 3, stride 2, overlapping", [9, 9, 1], [conv(6, 3, **RELU), pool("max", 3, stride=2), dense(3)], 4, 1),
    ("max pool 3, stride 2, same, even", [8, 10, 1], [conv(6, 3), pool("max", 3, stride=2, **SAME), dense(3)], 4, 1),
    ("max pool 3, stride 1, same", [6, 5, 1], [conv(3, 3, **TANH), pool("max", 3, stride=1, **SAME), dense(3)], 4, 1),
    ("max pool 5, stride 3", [11, 12, 1], [conv(3, 3), pool("max", 5, stride=3), dense(3)], 3, 1),
    ("max pool 5, stride 3, same", [11, 7, 1], [conv(3, 3), pool("max", 5, stride=3, **SAME), dense(3)], 3, 1),
    ("max pool 4, default stride 3", [10, 10, 1], [conv(3, 3, **RELU), pool("max", 4), dense(3)], 3, 1),
    ("max pool 2, stride 3, with gaps", [8, 8, 1], [conv(3, 3), pool("max", 2, stride=3), dense(3)], 3, 1),
    ("average pool 2", [8, 8, 1], [conv(5, 3, **RELU), pool("average", 2), dense(4)], 4, 1),
    ("average pool 3, stride 1, same", [6, 7, 1], [conv(5, 3, **TANH), pool("average", 3, stride=1, **SAME), dense(4)], 4, 1),
    ("average pool 3, stride 2, same", [7, 8, 1], [conv(5, 3, **TANH), pool("average", 3, stride=2, **SAME), dense(4)], 4, 1),
    ("average pool 5, stride 2", [10, 9, 1], [conv(4, 3, **RELU), pool("average", 5, stride=2), dense(4)], 4, 1),
    ("average pool 4, stride 3, same", [9, 11, 1], [conv(4, 3), pool("average", 4, stride=3, **SAME), dense(4)], 4, 1),
    ("pool before any weights", [8, 8, 3], [pool("average", 2), conv(4, 3, **RELU), pool("max", 3, stride=2), dense(4)], 4, 1),
    ("pool after pool", [12, 12, 1], [conv(4, 3, **RELU), pool("max", 3, stride=2), pool("average", 2, stride=1), dense(4)], 3, 1),
    ("global average pool", [7, 6, 2], [conv(6, 3, **RELU), GAP, dense(8, **RELU), dense(4)], 5, 1),
    ("cnn", [12, 12, 1], [conv(16, 3, **RELU), pool("max", 2), conv(24, 3, **RELU), pool("max", 2), dense(20, **RELU), dense(10)], 6, 1),
    ("cnn, three channels", [8, 8, 3], [conv(8, 3, **RELU), pool("max", 2), conv(12, 3, **RELU), pool("max", 2), conv(12, 3, **RELU), pool("max", 2), dense(16, **RELU), dense(10)], 6, 1),
    ("batch norm of dense layers", [5, 4, 1], [dense(13), norm(**RELU), dense(9), norm(momentum=0.3, epsilon=0.02, **TANH), dense(4)], 9, 1),
    ("batch norm of a large mean", [4, 4, 3], [dense(20), norm(), dense(3)], 12, 20),
    ("batch norm of convolutions", [8, 7, 2], [conv(6, 3), norm(**RELU), conv(18, 3, stride=2), norm(**TANH), GAP, dense(5)], 6, 1),
    ("batch norm before pooling", [8, 8, 1], [conv(5, 5), norm(**RELU), pool("max", 2), conv(7, 1), norm(momentum=1.0), pool("average", 2), dense(4)], 5, 1),
    ("residual, identity", [6, 6, 3], [conv(8, 3), norm(**RELU), residual(conv(8, 3), norm(**RELU), conv(8, 3), norm(), **RELU), GAP, dense(4)], 6, 1),
    ("residual, projection", [8, 8, 1], [conv(6, 3, **TANH), residual(conv(9, 3, stride=2), norm(**RELU), conv(9, 3), norm(epsilon=0.001), **PROJECTION, **RELU), dense(4)], 6, 1),
    ("residual without batch norm", [6, 7, 2], [conv(8, 3, **RELU), residual(conv(8, 3, **TANH)), residual(conv(5, 3, **RELU), conv(4, 3, stride=2), **PROJECTION, **TANH), dense(3)], 4, 1),
    ("resnet-8", [12, 12, 3], [conv(4, 3), norm(**RELU)] + [
        residual(conv(width, 3, stride=1 + (width > 4)), norm(**RELU), conv(width, 3), norm(), shortcut="projection" if width > 4 else "identity", **RELU)
        for width in [4, 8, 16]
    ] + [GAP, dense(10)], 8, 1),
]


def same_padding(size, kernel, stride):
    """TensorFlow's: output ceil(size / stride); the odd pixel of padding comes after."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad(x, kernel, stride, padding, value):
    if padding == "valid":
        return x
    top, bottom = same_padding(x.shape[2], kernel, stride)
    left, right = same_padding(x.shape[3], kernel, stride)
    return F.pad(x, (left, right, top, bottom), value=value)


def activate(x, layer):
    return {"linear": lambda v: v, "relu": torch.relu, "tanh": torch.tanh}[layer.get("activation", "linear")](x)


def project(layer, x, goal, arrays, statistics):
    """What a residual block adds to its layers' output, of shape `goal`."""
    if layer.get("shortcut", "identity") == "identity":
        return x
    stride = -(-x.shape[2] // goal[2])
    last = layer["layers"][-1]
    branch = [conv(goal[1], 1, stride=stride)]
    if last["type"] == "batch-norm":
        branch.append({key: value for key, value in last.items() if key != "activation"})
    return forward(branch, x, arrays, statistics)


def forward(layers, x, arrays, statistics):
    """x is NCHW; arrays are the parameters in tfjs layouts: weights, then bias or a batch norm's scale and shift. `statistics`: the
    running ones of each batch norm, updated in training; with `training` False they are used."""
    for i, layer in enumerate(layers):
        kind = layer["type"]
        normed = i + 1 < len(layers) and layers[i + 1]["type"] == "batch-norm"
        if kind == "dense":
            if x.dim() == 4:
                x = x.permute(0, 2, 3, 1).reshape(x.shape[0], -1)
            x = x @ arrays.take(x.shape[1], layer["units"])
            x = activate(x if normed else x + arrays.take(layer["units"]), layer)
        elif kind == "conv":
            kernel, stride = layer["kernelSize"], layer.get("stride", 1)
            weights = arrays.take(kernel, kernel, x.shape[1], layer["filters"]).permute(3, 2, 0, 1)
            bias = None if normed else arrays.take(layer["filters"])
            x = pad(x, kernel, stride, layer.get("padding", "same"), 0.0)
            x = activate(F.conv2d(x, weights, bias, stride=stride), layer)
        elif kind == "batch-norm":
            channels, momentum, epsilon = x.shape[1], layer.get("momentum", 0.1), layer.get("epsilon", 1e-5)
            (mean, variance), scale, shift = statistics.take(channels), arrays.take(channels), arrays.take(channels)
            x = activate(F.batch_norm(x, mean, variance, scale, shift, statistics.training, momentum, epsilon), layer)
        elif kind == "residual":
            # The projection's parameters come first, and its shape from where the layers end.
            goal = forward(layer["layers"], torch.zeros(2, *x.shape[1:]), Shapes(), Statistics()).shape
            added = project(layer, x, goal, arrays, statistics)
            x = activate(forward(layer["layers"], x, arrays, statistics) + added, layer)
        elif kind == "global-average-pool":
            x = x.mean((2, 3), keepdim=True)
        else:
            size = layer["size"]
            stride, padding = layer.get("stride", min(size, 3)), layer.get("padding", "valid")
            if kind == "max-pool":
                x = F.max_pool2d(pad(x, size, stride, padding, -math.inf), size, stride)
            else:  # TensorFlow's average does not count the padding
                total = F.avg_pool2d(pad(x, size, stride, padding, 0.0), size, stride, divisor_override=1)
                count = F.avg_pool2d(pad(torch.ones_like(x), size, stride, padding, 0.0), size, stride, divisor_override=1)
                x = total / count
    return x


class Arrays:
    """Parameters, taken one after another."""

    def __init__(self, tensors):
        self.left = list(tensors)

    def take(self, *shape):
        assert tuple(self.left[0].shape) == shape, (self.left[0].shape, shape)
        return self.left.pop(0)


class Shapes:
    """Zeros in place of parameters, to see which shapes a network asks for."""

    def __init__(self):
        self.seen = []

    def take(self, *shape):
        self.seen.append(shape)
        return torch.zeros(shape)


class Statistics:
    """Running means and variances of batch norms, in order; new ones begin at 0 and 1."""

    def __init__(self, dtype=torch.float32):
        self.dtype, self.all, self.next, self.training = dtype, [], 0, True

    def take(self, channels):
        if self.next == len(self.all):
            self.all.append((torch.zeros(channels, dtype=self.dtype), torch.ones(channels, dtype=self.dtype)))
        self.next += 1
        return self.all[self.next - 1]

    def evaluate(self):
        self.next, self.training = 0, False
        return self


def loss_and_gradients(layers, x, labels, arrays, dtype):
    parameters = [torch.tensor(a, dtype=dtype, requires_grad=True) for a in arrays]
    x, labels, statistics = torch.tensor(x, dtype=dtype), torch.tensor(labels, dtype=torch.int64), Statistics(dtype)
    loss = F.cross_entropy(forward(layers, x, Arrays(parameters), statistics), labels)
    loss.backward()
    running = [tensor.numpy() for pair in statistics.all for tensor in pair]
    evaluated = F.cross_entropy(forward(layers, x, Arrays(parameters), statistics.evaluate()), labels)
    return float(loss), [p.grad.numpy() for p in parameters], running, float(evaluated)


def make_case(name, shape, layers, batch, scale, seed):
    random = numpy.random.RandomState(seed)
    count, classes = batch + 3, layers[-1]["units"]
    images = random.randint(0, 256, (count, *shape)).astype(numpy.uint8)
    labels = random.randint(0, classes, count).astype(numpy.uint8)
    indices = random.permutation(count)[:batch].astype(numpy.uint32)
    mean = [round(0.35 + 0.1 * c, 3) for c in range(shape[2])]
    deviation = [round(0.3 + 0.05 * c, 3) for c in range(shape[2])]
    arrays = []
    shapes = Shapes()
    forward(layers, torch.zeros(2, shape[2], shape[0], shape[1]), shapes, Statistics())
    for i, extent in enumerate(shapes.seen):
        if len(extent) > 1:
            values = random.standard_normal(extent) * scale * math.sqrt(2 / int(numpy.prod(extent[:-1])))
        else:  # a bias or a shift; a scale, where one more vector follows
            is_scale = i + 1 < len(shapes.seen) and len(shapes.seen[i + 1]) == 1
            values = random.standard_normal(extent) * 0.1 + (1 if is_scale else 0)
        arrays.append(values.astype(numpy.float32))
    x = ((images[indices] / 255.0 - numpy.array(mean)) / numpy.array(deviation)).transpose(0, 3, 1, 2)
    loss, gradients, running, evaluated = loss_and_gradients(layers, x, labels[indices], arrays, torch.float64)
    _, gradients32, _, _ = loss_and_gradients(layers, x, labels[indices], arrays, torch.float32)
    for exact, single in zip(gradients, gradients32):
        if numpy.linalg.norm(exact - single) > 3e-6 * numpy.linalg.norm(exact):
            return None
    flat = lambda values: numpy.concatenate([v.reshape(-1) for v in values]).astype(numpy.float32)
    description = {
        "name": name, "spec": {"input": shape, "layers": layers}, "classes": classes, "mean": mean,
        "standardDeviation": deviation, "loss": loss, "arraySizes": [int(a.size) for a in arrays],
    }
    tensors = {"images": images, "labels": labels, "indices": indices, "parameters": flat(arrays), "gradients": flat(gradients)}
    if running:
        description["evaluated"] = evaluated
        tensors["running"] = flat(running)
    return description, tensors


def write_safetensors(path, metadata, tensors):
    names = {"uint8": "U8", "uint32": "U32", "float32": "F32"}
    header, offset = {"__metadata__": metadata}, 0
    # Widest elements first: every array then lies aligned.
    ordered = sorted(tensors.items(), key=lambda item: -item[1].itemsize)
    for name, array in ordered:
        header[name] = {"dtype": names[array.dtype.name], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(a.tobytes() for _, a in ordered))


def main():
    torch.set_num_threads(1)
    descriptions, tensors = [], {}
    for number, (name, shape, layers, batch, scale) in enumerate(CASES):
        case = None
        for attempt in range(20):
            case = make_case(name, shape, layers, batch, scale, 1000 * number + attempt)
            if case is not None:
                break
        assert case is not None, name
        descriptions.append(case[0])
        tensors.update({f"{number}.{key}": value for key, value in case[1].items()})
    metadata = {"torch": torch.__version__, "command": "/usr/bin/python3 scripts/oracles/networks.py", "cases": json.dumps(descriptions, separators=(",", ":"))}
    path = pathlib.Path(__file__).resolve().parents[2] / "test/vectors/networks.safetensors"
    write_safetensors(path, metadata, tensors)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(descriptions)} cases")


main()
