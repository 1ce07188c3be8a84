#!/usr/bin/env python3
"""Kinglet against ONNX Runtime on the same ONNX files, threads and batches, interleaved.

    python3 -m venv .venv && .venv/bin/pip install onnxruntime numpy
    cmake --preset release -DKINGLET_BUILD_BENCHMARKS=ON && cmake --build --preset release
    .venv/bin/python benchmarks/peers/compare.py MODEL.onnx... --batch 1,8 --threads 1,2

Each round runs both engines in a process of its own, one after the other; the table shows the
median over the rounds of the median time and of the peak resident set, and the ratio peer/Kinglet
(above 1: Kinglet is faster, or smaller).
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

PEER = """
import json, resource, sys, time
import numpy as np
import onnxruntime as ort
path, batch, threads, runs = sys.argv[1], *map(int, sys.argv[2:])
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
rng = np.random.default_rng(1)
inputs = {}
for info in session.get_inputs():
    shape = [d if isinstance(d, int) and d > 0 else (batch if i == 0 else 224)
             for i, d in enumerate(info.shape)]
    inputs[info.name] = rng.uniform(-1, 1, shape).astype(np.float32)
for _ in range(3):
    session.run(None, inputs)
times = []
for _ in range(runs):
    start = time.perf_counter()
    session.run(None, inputs)
    times.append((time.perf_counter() - start) * 1e3)
times.sort()
print(json.dumps({"median_ms": times[len(times) // 2], "min_ms": times[0],
                  "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def run(command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{command[0]} failed: {result.stderr.strip()}")
    return json.loads(result.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--batch", default="1")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--build", default=ROOT / "build" / "release", type=pathlib.Path)
    arguments = parser.parse_args()
    ours = arguments.build / "benchmarks" / "peers" / "time_model"
    print("| model | batch | threads | Kinglet ms | ONNX Runtime ms | ratio | Kinglet MB | "
          "ONNX Runtime MB |")
    print("|---|---|---|---|---|---|---|---|")
    for model in arguments.models:
        for batch in arguments.batch.split(","):
            for threads in arguments.threads.split(","):
                rows = []
                for _ in range(arguments.rounds):
                    point = [model, batch, threads, arguments.runs]
                    rows.append((run([ours, *point]), run([sys.executable, "-c", PEER, *point])))
                median = lambda side, key: statistics.median(row[side][key] for row in rows)
                a, b = median(0, "median_ms"), median(1, "median_ms")
                ratio = statistics.median(r[1]["median_ms"] / r[0]["median_ms"] for r in rows)
                print(f"| {pathlib.Path(model).stem} | {batch} | {threads} | {a:.2f} | {b:.2f} | "
                      f"{ratio:.2f} | {median(0, 'peak_rss_mb'):.0f} | "
                      f"{median(1, 'peak_rss_mb'):.0f} |", flush=True)


if __name__ == "__main__":
    main()
