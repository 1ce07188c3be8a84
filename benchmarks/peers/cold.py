#!/usr/bin/env python3
"""ONNX Runtime for 'kinglet cold --peers': from the start of a process to the first answer.

    benchmarks/peers/cold.py mobilenet_v2.onnx -o cold.jsonl
    kinglet cold mobilenet_v2.onnx photo.jpg --descriptor mobilenet_v2 --peers cold.jsonl

Stages: process started (Python and NumPy), libraries loaded (the module onnxruntime), session made
(file mapped, parsed, optimised, planned: ONNX Runtime does it in one call), network run. Pictures
are no part of it: the input is random. The model is in memory (a warm page cache).
"""
import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time
import types

import engines

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = resource.getpagesize()


class Laps:
    def __init__(self, started_ns):
        self.last, self.faults, self.disk = started_ns, 0, 0

    def lap(self, stage):
        now = time.monotonic_ns()
        used = resource.getrusage(resource.RUSAGE_SELF)
        resident = int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * PAGE
        lap = {"stage": stage, "ms": (now - self.last) / 1e6,
               "page_faults": used.ru_minflt + used.ru_majflt - self.faults,
               "disk_faults": used.ru_majflt - self.disk, "resident_mb": resident / 2**20}
        self.faults += lap["page_faults"]
        self.disk += lap["disk_faults"]
        self.last = time.monotonic_ns()
        return lap


def take_turn(model, threads, inputs, started_ns):
    """One process: prints its stages."""
    laps = Laps(started_ns)
    import numpy as np
    first = [laps.lap("process started")]
    import onnxruntime
    first.append(laps.lap("libraries loaded"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    first.append(laps.lap("session made"))
    feed = {name: np.fromfile(value["file"], np.float32).reshape(value["shape"])
            for name, value in inputs.items()}
    laps.lap("input read")
    session.run(None, feed)
    first.append(laps.lap("network run"))
    session.run(None, feed)
    print(json.dumps({"version": onnxruntime.__version__, "first": first,
                      "second": [laps.lap("network run")]}))


def medians(turns, which):
    """The median of each figure of each stage."""
    return [{"stage": stage["stage"],
             **{key: statistics.median(turn[which][i][key] for turn in turns)
                for key in ("ms", "page_faults", "disk_faults", "resident_mb")}}
            for i, stage in enumerate(turns[0][which])]


def measure(arguments):
    import networks  # needs the environment
    settings = types.SimpleNamespace(build=arguments.build.resolve())
    settings.work = settings.build / "peers"
    network = networks.Network(arguments.model, settings)
    inputs = json.dumps(network.inputs(1))
    turns = []
    for _ in range(arguments.turns + 1):
        done = subprocess.run(
            [sys.executable, __file__, "--turn", str(time.monotonic_ns()), "--inputs", inputs,
             "--threads", str(arguments.threads), str(network.path)],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr.strip())
        turns.append(json.loads(done.stdout))
    turns = turns[1:]  # the first one brings the files into memory
    return {"engine": f"ONNX Runtime {turns[0]['version']}", "model": arguments.model,
            "picture": "random", "threads": arguments.threads, "turns": len(turns),
            "cache_dropped": False, "first": medians(turns, "first"),
            "second": medians(turns, "second"), "format": 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="FILE.onnx|NAME")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=7, help="processes (default: 7)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--environment", type=pathlib.Path,
                        help="virtual environment (default: BUILD/peers/venv, made when missing)")
    parser.add_argument("-o", "--out", type=pathlib.Path, help="file to add to (default: print)")
    parser.add_argument("--turn", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--inputs", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.turn is not None:
        take_turn(arguments.model, arguments.threads, json.loads(arguments.inputs), arguments.turn)
        return
    folder = arguments.environment or arguments.build / "peers" / "venv"
    engines.enter_environment(folder.absolute(), ["onnxruntime"])
    line = json.dumps(measure(arguments))
    if arguments.out is None:
        print(line)
    else:
        with open(arguments.out, "a") as out:
            print(line, file=out)


if __name__ == "__main__":
    main()
