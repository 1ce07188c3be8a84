#!/usr/bin/env python3
"""Other engines for 'kinglet correlate --peers': what one run of each network takes in each of them.

    benchmarks/peers/metrics.py --threads 1 -o peers.jsonl       names that kinglet correlate takes
    benchmarks/peers/metrics.py net.onnx --engines onnxruntime -o peers.jsonl
    benchmarks/peers/metrics.py --counters cachegrind -o peers.jsonl     by valgrind, too: slow
    kinglet correlate --threads 1 --peers peers.jsonl

Each network and engine has a process of its own; they take turns. Names are those that 'kinglet
correlate' is called with: a file stays the path that it is given by.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import types

import engines

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "opencv": "OpenCV", "ncnn": "ncnn"}
NETWORKS = ["inception_v1", "inception_v2", "inception_v3", "mobilenet_v1", "mobilenet_v2",
            "resnet50", "squeezenet", "ssd_inception_v2", "ssd_mobilenet_v1", "ssd_mobilenet_v2",
            "ssdlite", "ssd_vgg16", "vgg16"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="FILE.onnx|NAME", default=NETWORKS)
    parser.add_argument("--engines", default=",".join(NAMES),
                        help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1, help="of each turn (default: 1)")
    parser.add_argument("--counters", choices=["auto", "cachegrind"], default="auto")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--environment", type=pathlib.Path,
                        help="virtual environment (default: BUILD/peers/venv, made when missing)")
    parser.add_argument("-o", "--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.engines = [name for name in arguments.engines.split(",") if name]
    for name in arguments.engines:
        if name not in NAMES:
            parser.error(f"--engines: there is no '{name}'")
    return arguments


def turn(worker, seconds, batch, threads):
    """Metrics of a run, by a turn of about so many seconds."""
    once = min(worker.run(2))
    count = max(3, min(2000, round(1e3 * seconds / once)))
    before = worker.ask("usage")
    times = worker.run(count)
    after = worker.ask("usage")
    latency = statistics.median(times)
    cpu = (after["cpu_ms"] - before["cpu_ms"]) / count
    return {
        "latency_ms": latency,
        "images_per_s": 1e3 * batch / latency,
        "utilisation": min(1.0, cpu * count / sum(times) / threads),
        "task-clock-ms": cpu,
        "context-switches": (after["context_switches"] - before["context_switches"]) / count,
        "page-faults": (after["page_faults"] - before["page_faults"]) / count,
        "peak_rss_mb": worker.peak_rss_mb(),
    }


def events_of(file):
    """The sums of what cachegrind counted, under the names of 'kinglet correlate'."""
    lines = file.read_text(errors="replace").splitlines()
    names = next(line for line in lines if line.startswith("events:")).split()[1:]
    counts = next(line for line in lines if line.startswith("summary:")).split()[1:]
    events = dict(zip(names, map(float, counts)))
    return {"cg-instructions": events["Ir"],
            "cg-data-refs": events["Dr"] + events["Dw"],
            "cg-l1-misses": events["I1mr"] + events["D1mr"] + events["D1mw"],
            "cg-ll-misses": events["ILmr"] + events["DLmr"] + events["DLmw"],
            "cg-branches": events["Bc"] + events["Bi"],
            "cg-branch-misses": events["Bcm"] + events["Bim"]}


def count_process(command, runs, log):
    """What a whole process with so many runs counts."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "cachegrind.out"
        done = subprocess.run(
            ["valgrind", "--tool=cachegrind", "--cache-sim=yes", "--branch-sim=yes",
             f"--cachegrind-out-file={out}", *map(str, command)],
            input=f"run {runs}\n", text=True, stdout=subprocess.DEVNULL, stderr=log, check=False)
        if done.returncode != 0 or not out.exists():
            raise engines.Failure(f"valgrind ended with {done.returncode}")
        return events_of(out)


def count_run(command, log):
    """A run is what two runs have beyond one."""
    once, twice = count_process(command, 1, log), count_process(command, 2, log)
    return {name: max(0.0, twice[name] - once[name]) for name in twice}


def measure(network, engine, settings):
    name = NAMES[engine]
    turns = []
    worker = engines.start(engine, network, settings.batch, settings.threads, settings)
    try:
        name += " " + worker.version.split("-")[0]
        for _ in range(settings.rounds):
            turns.append(turn(worker, settings.seconds / settings.rounds, settings.batch,
                              settings.threads))
            worker.settle()
    finally:
        worker.close()
    metrics = {key: statistics.median(each[key] for each in turns) for key in turns[0]}
    if settings.counters == "cachegrind":
        command = engines.command_of(engine, network, settings.batch, 1, settings)
        metrics |= count_run(command, settings.log)
    return {"network": network.given, "engine": name, "metrics": metrics, "format": 1}


def main():
    arguments = parse_arguments()
    folder = arguments.environment or arguments.build / "peers" / "venv"
    engines.enter_environment(folder.absolute(), arguments.engines)
    import networks  # needs the environment
    settings = types.SimpleNamespace(**vars(arguments), precision="f32")
    settings.build = arguments.build.resolve()
    settings.work = settings.build / "peers"
    settings.work.mkdir(parents=True, exist_ok=True)
    with open(settings.work / "engines.log", "w") as settings.log, \
            open(arguments.out, "w") as out:
        there = list(arguments.engines)
        for given in arguments.networks:
            network = networks.Network(given, settings)
            network.given = given
            for engine in list(there):
                try:
                    line = json.dumps(measure(network, engine, settings))
                except engines.Missing as failure:
                    print(f"{engine}: {failure}", file=sys.stderr)
                    there.remove(engine)
                    continue
                except engines.Failure as failure:
                    print(f"{given}, {engine}: {failure}", file=sys.stderr)
                    continue
                print(line, file=out, flush=True)
                print(f"{given}, {engine}: done", file=sys.stderr)


if __name__ == "__main__":
    main()
