"""JAX contender of bench:population-device; see population_case.py for its words.

vmap of the value and gradient of one network, optax.adam over the stacked parameters, lax.scan over the steps of an interval, all under one
jit with donated buffers. VARIANT is `vmap`: convolutions as lax.conv_general_dilated and, beside it, as a product of shifted images, whichever
is faster. Batches are drawn on the device from images that lie there.
"""
import functools
import os
import sys

import population_case as case
from answer import reply
from population_case import BATCH, DEVICE, IMAGES, NETWORKS, SHAPE

ON_CUDA = DEVICE.startswith("cuda")
if not ON_CUDA:
    os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
try:
    import jax
except ImportError:
    reply(unavailable="not measured: JAX is not installed for this Python")
    sys.exit(0)
import jax.numpy as jnp
from jax import lax

try:
    import optax
except ImportError:
    optax = None
try:
    platform = jax.devices()[0].platform
except RuntimeError as error:
    reply(unavailable=f"not measured: JAX {jax.__version__} finds no device: {str(error)[:200]}")
    sys.exit(0)
if ON_CUDA and platform not in ("gpu", "cuda"):
    reply(unavailable=f"not measured: JAX {jax.__version__} sees no CUDA device, only {platform}")
    sys.exit(0)
if case.PRECISION == "tf32" and not ON_CUDA:
    reply(unavailable="not measured: only CUDA devices have tf32")
    sys.exit(0)
jax.config.update("jax_default_matmul_precision", "tensorfloat32" if case.PRECISION == "tf32" else "float32")

STEPS = 50 if not case.FILTERS else 10  # of a scan
WITH_STATISTICS = case.STATISTICS == "all"
device = jax.devices()[int(DEVICE.split(":")[1]) if ":" in DEVICE else 0]


def put(value):
    return jax.device_put(value, device)


data_key, label_key, weight_key, batch_key = jax.random.split(jax.random.PRNGKey(0), 4)
images = put(jax.random.randint(data_key, (IMAGES, *SHAPE), 0, 256).astype(jnp.uint8))
labels = put(jax.random.randint(label_key, (IMAGES,), 0, case.CLASSES))


def initial_parameters():
    """[networks, ...]: a pair of weight and bias a layer."""
    found = []
    for key, (kind, inputs, outputs) in zip(jax.random.split(weight_key, len(case.layers())), case.layers()):
        shape, fan_in = ((3, 3, inputs, outputs), 9 * inputs) if kind == "conv" else ((inputs, outputs), inputs)
        weight = jax.random.normal(key, (NETWORKS, *shape), jnp.float32) * (2 / fan_in) ** 0.5
        found.append((put(weight), put(jnp.zeros((NETWORKS, outputs), jnp.float32))))
    return found


def convolution(x, weight):
    return lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def convolution_as_product(x, weight):
    _, height, width, channels = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = jnp.stack([padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=3)
    return jnp.dot(shifted.reshape(*x.shape[:3], 9 * channels), weight.reshape(9 * channels, -1))


def loss_of(convolve, parameters, x, y):
    """Mean loss of one network on one batch."""
    for layer, (weight, bias) in enumerate(parameters):
        if layer < len(case.FILTERS):
            x = jax.nn.relu(convolve(x, weight) + bias)
            count, height, width, channels = x.shape
            x = x.reshape(count, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))  # its gradient is faster than reduce_window's
            continue
        x = jnp.dot(x.reshape(x.shape[0], -1), weight) + bias
        if layer + 1 < len(parameters):
            x = jax.nn.relu(x)
    chosen = jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1)
    return -jnp.mean(chosen)


class OwnAdam:
    """optax.adam's formula, where optax is not installed."""

    def init(self, parameters):
        zeros = lambda: jax.tree_util.tree_map(jnp.zeros_like, parameters)
        return jnp.zeros((), jnp.int32), zeros(), zeros()

    def update(self, gradients, state, parameters):
        count, first, second = state
        count = count + 1
        tree_map = jax.tree_util.tree_map
        first = tree_map(lambda m, g: case.BETA1 * m + (1 - case.BETA1) * g, first, gradients)
        second = tree_map(lambda v, g: case.BETA2 * v + (1 - case.BETA2) * g * g, second, gradients)
        correction1, correction2 = 1 - case.BETA1**count, 1 - case.BETA2**count
        step = lambda m, v: -case.LEARNING_RATE * (m / correction1) / (jnp.sqrt(v / correction2) + case.EPSILON)
        return tree_map(step, first, second), (count, first, second)


adam = OwnAdam() if optax is None else optax.adam(case.LEARNING_RATE, b1=case.BETA1, b2=case.BETA2, eps=case.EPSILON)


def first_moments(state):
    """Moments as the parameters are, and steps taken."""
    return (state[1], state[0]) if optax is None else (state[0].mu, state[0].count)


def cosine(product, a, b):
    return jnp.where(a * b > 0, product / (a * b), 0.0)


def layer_statistics(arrays, correction):
    """[networks, 14], as layer_statistics.py. `arrays`: gradient, parameter before, moment and update of each array of the layer."""
    arrays = [[value.reshape(NETWORKS, -1) for value in array] for array in arrays]
    size = sum(array[0].shape[1] for array in arrays)
    add = lambda f: sum(f(*array).sum(1) for array in arrays)
    gg, pp, mm, uu = (add(lambda *a, i=i: a[i] * a[i]) for i in range(4))
    gm, gp, gu = (add(lambda *a, i=i: a[0] * a[i]) for i in (2, 1, 3))
    finite = add(lambda g, p, m, u: jnp.isfinite(g))
    largest = functools.reduce(jnp.maximum, [jnp.abs(array[0]).max(1) for array in arrays])
    gn, pn, mn, un = jnp.sqrt(gg), jnp.sqrt(pp), jnp.sqrt(mm), jnp.sqrt(uu)
    g_mean, p_mean = add(lambda g, p, m, u: g) / size, add(lambda g, p, m, u: p) / size
    columns = [gn, g_mean, gg / size - g_mean**2, largest, pn, p_mean, pp / size - p_mean**2, mn / correction, un, un / (pn + 1e-12)]
    columns += [cosine(gm, gn, mn), cosine(gp, gn, pn), cosine(gu, gn, un), size - finite]
    return jnp.stack(columns, axis=1)


def opened(convolve):
    value_and_gradient = jax.vmap(jax.value_and_grad(functools.partial(loss_of, convolve)))

    @functools.partial(jax.jit, donate_argnums=(0,))
    def interval(carry, images, labels):
        def step(carry, _):
            parameters, state, key = carry
            key, drawn = jax.random.split(key)
            indices = jax.random.randint(drawn, (NETWORKS, BATCH), 0, IMAGES)
            x = images[indices].astype(jnp.float32) * (1 / (255 * case.DEVIATION)) - case.MEAN / case.DEVIATION
            losses, gradients = value_and_gradient(parameters, x, labels[indices])
            updates, state = adam.update(gradients, state, parameters)
            after = jax.tree_util.tree_map(lambda p, u: p + u, parameters, updates)
            statistics = []
            if WITH_STATISTICS:
                moments, count = first_moments(state)
                correction = 1 - case.BETA1**count
                for g, p, m, q in zip(gradients, parameters, moments, after):
                    arrays = [(g[i], p[i], m[i], q[i] - p[i]) for i in range(2)]
                    statistics.append(layer_statistics(arrays, correction))
            return (after, state, key), (losses.mean(), statistics)

        carry, (losses, statistics) = lax.scan(step, carry, None, length=STEPS)
        return carry, losses[-1], [value.mean(axis=0) for value in statistics]

    parameters = initial_parameters()
    # Of a copy of the key: the carry is donated.
    carry = (parameters, jax.tree_util.tree_map(put, adam.init(parameters)), put(jnp.array(batch_key, copy=True)))

    def run(count):
        nonlocal carry
        loss = float("nan")
        for _ in range(max(1, count // STEPS)):
            carry, loss, statistics = interval(carry, images, labels)
        jax.block_until_ready((carry, loss, statistics))
        return float(loss)

    return run


def arrangements():
    if not case.FILTERS:
        return [("vmap, scan", lambda: opened(None))]
    return [
        ("vmap, scan, convolutions", lambda: opened(convolution)),
        ("vmap, scan, convolutions as products", lambda: opened(convolution_as_product)),
    ]


case.serve(jax.__version__ + ("" if optax is not None else " without optax"), arrangements(), STEPS)
