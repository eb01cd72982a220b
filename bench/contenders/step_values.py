"""What bench/optimizer/values.ts makes, in PyTorch: starting values, and the elements by which contenders are compared."""
import torch

PARAMETERS, GRADIENTS = 2654435761, 2246822519


def sequence(layer, size, stride, device="cpu"):
    products = (torch.arange(layer + 1, layer + 1 + size, dtype=torch.int64, device=device) * stride) & 0xFFFFFFFF
    return ((products >> 8).to(torch.float64).div_(2**24).sub_(0.375).mul_(2**-5)).to(torch.float32)


def positions(size):
    count = min(size, 8)
    return [0 if count == 1 else i * (size - 1) // (count - 1) for i in range(count)]
