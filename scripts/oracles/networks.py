#!/usr/bin/python3
"""PyTorch's loss and gradients for small networks of every layer type, for test/81.network-vectors.test.ts.

    scripts/setup --bench && /usr/bin/python3 scripts/oracles/networks.py

writes test/vectors/networks.safetensors. The cases' specs are ganno's own (src/networks/spec.ts), in the metadata; per case there are
`images` (uint8, NHWC), `labels`, `indices` (the batch, into the images), `parameters` and `gradients` (float32, layer by layer, weights
then bias, tfjs layouts). Everything is computed in float64; a draw in which float32 would take another branch (a ReLU or a maximum
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


GAP = {"type": "global-average-pool"}
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


def forward(layers, x, parameters):
    """x is NCHW; parameters alternate weights and bias in tfjs layouts."""
    arrays = iter(parameters)
    flat = False
    for layer in layers:
        kind = layer["type"]
        if kind == "dense":
            if not flat:
                x, flat = x.permute(0, 2, 3, 1).reshape(x.shape[0], -1), True
            weights, bias = next(arrays), next(arrays)
            x = activate(x @ weights + bias, layer)
        elif kind == "conv":
            weights, bias = next(arrays), next(arrays)
            kernel, stride = layer["kernelSize"], layer.get("stride", 1)
            x = pad(x, kernel, stride, layer.get("padding", "same"), 0.0)
            x = activate(F.conv2d(x, weights.permute(3, 2, 0, 1), bias, stride=stride), layer)
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


def weight_shapes(layers, shape, run):
    """Shapes follow from running the network on zeros, one layer at a time."""
    shapes, x, flat = [], torch.zeros(1, shape[2], shape[0], shape[1]), False
    for layer in layers:
        if layer["type"] == "dense":
            width = x.numel()
            shapes.append((width, layer["units"]))
            x = torch.zeros(1, layer["units"], 1, 1)
        elif layer["type"] == "conv":
            k = layer["kernelSize"]
            shapes.append((k, k, x.shape[1], layer["filters"]))
            x = run([layer], x, [torch.zeros(shapes[-1]), torch.zeros(layer["filters"])])
        else:
            x = run([layer], x, [])
    return shapes


def loss_and_gradients(layers, x, labels, arrays, dtype):
    parameters = [torch.tensor(a, dtype=dtype, requires_grad=True) for a in arrays]
    logits = forward(layers, torch.tensor(x, dtype=dtype), parameters)
    loss = F.cross_entropy(logits, torch.tensor(labels, dtype=torch.int64))
    loss.backward()
    return float(loss), [p.grad.numpy() for p in parameters]


def make_case(name, shape, layers, batch, scale, seed):
    random = numpy.random.RandomState(seed)
    count, classes = batch + 3, layers[-1]["units"]
    images = random.randint(0, 256, (count, *shape)).astype(numpy.uint8)
    labels = random.randint(0, classes, count).astype(numpy.uint8)
    indices = random.permutation(count)[:batch].astype(numpy.uint32)
    mean = [round(0.35 + 0.1 * c, 3) for c in range(shape[2])]
    deviation = [round(0.3 + 0.05 * c, 3) for c in range(shape[2])]
    arrays = []
    for weights in weight_shapes(layers, shape, forward):
        fan_in = int(numpy.prod(weights[:-1]))
        arrays.append((random.standard_normal(weights) * scale * math.sqrt(2 / fan_in)).astype(numpy.float32))
        arrays.append((random.standard_normal(weights[-1]) * 0.1).astype(numpy.float32))
    x = ((images[indices] / 255.0 - numpy.array(mean)) / numpy.array(deviation)).transpose(0, 3, 1, 2)
    loss, gradients = loss_and_gradients(layers, x, labels[indices], arrays, torch.float64)
    loss32, gradients32 = loss_and_gradients(layers, x, labels[indices], arrays, torch.float32)
    for exact, single in zip(gradients, gradients32):
        if numpy.linalg.norm(exact - single) > 3e-6 * numpy.linalg.norm(exact):
            return None
    flat = lambda values: numpy.concatenate([v.reshape(-1) for v in values]).astype(numpy.float32)
    description = {
        "name": name, "spec": {"input": shape, "layers": layers}, "classes": classes, "mean": mean,
        "standardDeviation": deviation, "loss": loss, "arraySizes": [int(a.size) for a in arrays],
    }
    tensors = {"images": images, "labels": labels, "indices": indices, "parameters": flat(arrays), "gradients": flat(gradients)}
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
