#!/usr/bin/env python3
"""Single operators beside ONNX Runtime, on one thread.

    benchmarks/peers/operators.py                     all cases of operator_cases.py; some minutes
    benchmarks/peers/operators.py --only 'Pad|TopK'   those whose label has such a word
    benchmarks/peers/operators.py --below 0.9         prints only what is slower than that

Needs Python with numpy, onnx and onnxruntime. Each case is a model of one node, whose inputs are
random numbers or zeros (types other than float32). `kinglet bench` and ONNX Runtime take turns;
the ratio is the median over the turns of ONNX Runtime's median time divided by Kinglet's: above 1
Kinglet is faster. Cases that take less than a few microseconds measure how a run begins and ends.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

import operator_cases

ROOT = pathlib.Path(__file__).resolve().parents[2]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinglet", type=pathlib.Path, default=ROOT / "build" / "release" / "kinglet",
                        help="the command (default: build/release/kinglet)")
    parser.add_argument("--only", default="", metavar="PATTERN", help="labels that match")
    parser.add_argument("--below", type=float, help="print the ratios below this one")
    parser.add_argument("--turns", type=int, default=3, help="of each engine (default: 3)")
    parser.add_argument("--json", type=pathlib.Path, help="file for the figures")
    return parser.parse_args()


def model_of(case):
    """The model, and the inputs that it is given."""
    names, given, constants = [], [], []
    for i, value in enumerate(case.inputs):
        name = "" if value is None else f"x{i}"
        names.append(name)
        if isinstance(value, operator_cases.Free):
            kind = helper.np_dtype_to_tensor_dtype(np.dtype(value.type))
            given.append(helper.make_tensor_value_info(name, kind, value.shape))
        elif value is not None:
            constants.append(numpy_helper.from_array(np.asarray(value), name))
    outputs = [helper.make_tensor_value_info(
        f"y{i}", helper.np_dtype_to_tensor_dtype(np.dtype(kind)), None)
        for i, kind in enumerate(case.outputs)]
    node = helper.make_node(case.operator, names, [o.name for o in outputs], domain=case.domain,
                            **case.attributes)
    graph = helper.make_graph([node], "one", given, outputs, constants)
    opsets = [helper.make_opsetid("", case.opset)]
    if case.domain:
        opsets.append(helper.make_opsetid(case.domain, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def feeds_of(case):
    random = np.random.default_rng(2)
    feeds = {}
    for i, value in enumerate(case.inputs):
        if isinstance(value, operator_cases.Free):
            whole = np.dtype(value.type) != np.float32
            feeds[f"x{i}"] = (np.zeros(value.shape, value.type) if whole else
                              random.uniform(-1, 1, value.shape).astype(np.float32))
    return feeds


class OnnxRuntime:
    def __init__(self, path, case):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(str(path), options,
                                                    providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.feeds = feeds_of(case)
        for name, value in self.feeds.items():
            self.binding.bind_cpu_input(name, value)
        for output in self.session.get_outputs():
            self.binding.bind_output(output.name, "cpu")
        self.once = min(self.time(2))

    def time(self, count):
        times = []
        for _ in range(count):
            start = time.perf_counter()
            self.session.run_with_iobinding(self.binding)
            times.append((time.perf_counter() - start) * 1e3)
        return times

    def turn(self):
        """Median of what fits a moment, after as long a warm-up."""
        count = int(np.clip(60 / max(self.once, 1e-3), 9, 3000))
        self.time(count)
        return statistics.median(self.time(count))


def kinglet_turn(command, path, once):
    count = int(np.clip(60 / max(once, 1e-3), 9, 3000))
    done = subprocess.run([command, "bench", "--json", "--no-cache", "--threads", "1", "--repeat",
                           str(count), path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout)["median_ms"]


def measure(command, case, folder, turns):
    path = folder / "model.onnx"
    onnx.save(model_of(case), path)
    peer = OnnxRuntime(path, case)
    pairs = []
    for _ in range(turns):
        ours = kinglet_turn(command, path, peer.once)
        pairs.append((peer.turn(), ours))
    return pairs


def main():
    arguments = parse_arguments()
    cases = [case for case in operator_cases.all_cases() if re.search(arguments.only, case.label)]
    rows = []
    print(f"{'case':<48} {'ORT ms':>9} {'Kinglet':>9} {'ratio':>6}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            try:
                pairs = measure(arguments.kinglet, case, pathlib.Path(folder), arguments.turns)
            except Exception as error:  # the row says it
                print(f"{case.label:<48} {' '.join(str(error).split())[:100]}", flush=True)
                continue
            row = {"case": case.label, "ort_ms": statistics.median(a for a, _ in pairs),
                   "kinglet_ms": statistics.median(b for _, b in pairs),
                   "ratio": statistics.median(a / b for a, b in pairs)}
            rows.append(row)
            if arguments.below is None or row["ratio"] < arguments.below:
                print(f"{case.label:<48} {row['ort_ms']:9.4f} {row['kinglet_ms']:9.4f} "
                      f"{row['ratio']:6.2f}", flush=True)
    if not rows:
        sys.exit("no case was measured")
    ratios = [row["ratio"] for row in rows]
    print(f"{len(rows)} cases: median {statistics.median(ratios):.2f}, "
          f"{sum(r < 0.9 for r in ratios)} below 0.9")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
