"""What the PyTorch contenders share: lines of JSON to the benchmark, and the answer where there is no PyTorch."""
import sys

from answer import reply

try:
    import torch
except ImportError:
    reply(unavailable="not measured: PyTorch is not installed for this Python; install it with: scripts/setup --bench")
    sys.exit(0)
