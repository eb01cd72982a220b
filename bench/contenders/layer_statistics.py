"""The statistics of a step in PyTorch: what ganno's STATISTICS are, of many layers at once. Tensors are [..., size]."""
import torch

ALL = [
    "gradientNorm", "gradientMean", "gradientVariance", "gradientMaxAbs", "parameterNorm", "parameterMean", "parameterVariance",
    "momentNorm", "updateNorm", "updateRatio", "gradientMomentCosine", "gradientParameterCosine", "gradientUpdateCosine",
    "nonFiniteCount",
]  # fmt: skip


def cosine(product, a, b):
    return torch.where(a * b > 0, product / (a * b), torch.zeros_like(product))


def from_sums(size, gg, pp, mm, uu, gm, gp, gu, g_sum, p_sum, finite, largest, correction):
    """The statistics of ALL from sums of squares and products, elementwise over layers."""
    gn, pn, mn, un = gg.sqrt(), pp.sqrt(), mm.sqrt(), uu.sqrt()
    g_mean, p_mean = g_sum / size, p_sum / size
    columns = [gn, g_mean, gg / size - g_mean**2, largest, pn, p_mean, pp / size - p_mean**2, mn / correction, un, un / (pn + 1e-12)]
    return columns + [cosine(gm, gn, mn), cosine(gp, gn, pn), cosine(gu, gn, un), size - finite]


def layer_sums(g, p, m, u):
    """An operation for each sum; torch.compile makes one pass of them. The last is a maximum."""
    dot = lambda a, b: (a * b).sum(-1)
    sums = [dot(g, g), dot(p, p), dot(m, m), dot(u, u), dot(g, m), dot(g, p), dot(g, u)]
    return sums + [g.sum(-1), p.sum(-1), torch.isfinite(g).sum(-1), g.abs().amax(-1)]


def layer_statistics(arrays, correction):
    """[..., 14] of a layer. `arrays`: gradient, parameter before, moment and update of each of its arrays."""
    found = [layer_sums(*array) for array in arrays]
    size = sum(array[0].shape[-1] for array in arrays)
    sums = [sum(column) for column in zip(*(one[:-1] for one in found))]
    largest = found[0][-1]
    for one in found[1:]:
        largest = torch.maximum(largest, one[-1])
    return torch.stack(from_sums(size, *sums, largest, correction), dim=-1)
