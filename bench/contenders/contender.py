"""What the PyTorch contenders share: lines of JSON to the benchmark, and the answer where there is no PyTorch."""
import json
import sys


def reply(**message):
    print(json.dumps(message), flush=True)


try:
    import torch
except ImportError:
    reply(unavailable="not measured: PyTorch is not installed for this Python; install it with: scripts/setup --bench")
    sys.exit(0)
