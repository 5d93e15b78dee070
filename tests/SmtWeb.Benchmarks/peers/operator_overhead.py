#!/usr/bin/python3
"""Cost of calling a small operator from Python: the yardstick for the benchmark `operator`. Prints one line of JSON."""
import json
import sys
import time

import torch

count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
torch.set_num_threads(1)
a, b = torch.ones(16), torch.ones(16)


def run(n):
    start = time.perf_counter()
    for _ in range(n):
        a + b
    return (time.perf_counter() - start) / n


with torch.no_grad():
    run(count // 10)
    print(json.dumps({"nanoseconds": min(run(count // 5) for _ in range(5)) * 1e9, "torch": torch.__version__}))
