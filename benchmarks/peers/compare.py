#!/usr/bin/env python3
"""Kinglet against other engines: the same ONNX files, threads and batches, in turns.

    benchmarks/peers/compare.py                            the default networks against the bars
    benchmarks/peers/compare.py net.onnx --batch 1,4       any file
    benchmarks/peers/compare.py --precision bf16           beside OpenVINO as it runs by itself
    benchmarks/peers/compare.py --precision int8           networks that are quantised
    benchmarks/peers/compare.py --sweep 1..34              does throughput ever fall with the batch?
    benchmarks/peers/compare.py --beside-spinner           two threads when a core is taken

Every engine has a process of its own that stays alive; only one runs at a time, and they take
turns, so that what else happens on the machine hits all alike. README.md says what the columns mean.
"""
import argparse
import pathlib
import subprocess
import sys
import types

import engines

ENGINES = {
    "f32": ["onnxruntime", "openvino", "opencv", "ncnn"],
    "bf16": ["onnxruntime", "openvino_default", "openvino"],
    "int8": ["onnxruntime", "openvino_default"],
}

ROOT = pathlib.Path(__file__).resolve().parents[2]


def number_list(text):
    numbers = []
    for part in text.split(","):
        first, dots, last = part.partition("..")
        numbers += range(int(first), int(last) + 1) if dots else [int(part)]
    if not numbers or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"expected a list like 1,8,32 or 1..34, found '{text}'")
    return numbers


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="FILE.onnx|NAME",
                        help="ONNX files, or names from 'kinglet models'")
    parser.add_argument("--batch", type=number_list, default=[1, 8, 32])
    parser.add_argument("--threads", type=number_list, default=[1, 2])
    parser.add_argument("--engines", help="of onnxruntime, openvino, openvino_default, opencv, "
                        "ncnn; default: those of the precision, with the first two installed")
    parser.add_argument("--precision", choices=["f32", "bf16", "int8"], default="f32",
                        help="of Kinglet (default: f32); int8 quantises the networks first")
    parser.add_argument("--seconds", type=float, default=8, help="for each row (default: 8)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each engine, at most")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release",
                        help="with KINGLET_BUILD_BENCHMARKS=ON")
    parser.add_argument("--out", type=pathlib.Path, help="folder for tables (default: BUILD/peers)")
    parser.add_argument("--environment", type=pathlib.Path,
                        help="virtual environment (default: BUILD/peers/venv, made when missing)")
    parser.add_argument("--bars", type=pathlib.Path, default=engines.HERE / "bars.csv")
    parser.add_argument("--sweep", type=number_list, metavar="1..34",
                        help="each batch size against the next, Kinglet alone")
    parser.add_argument("--beside-spinner", action="store_true",
                        help="1 and 2 threads, alone and beside a process that spins")
    parser.add_argument("--runs", type=int, default=200, help="of --beside-spinner (default: 200)")
    arguments = parser.parse_args()
    if arguments.engines is not None:
        arguments.engines = [name for name in arguments.engines.split(",") if name]
        for name in arguments.engines:
            if name not in engines.PACKAGES or name in ("kinglet", "quantiser"):
                parser.error(f"--engines: there is no '{name}'")
    return arguments


def prepare(arguments):
    """What the modes share; makes sure that all programs are there."""
    for program in ("kinglet", "benchmarks/peers/kinglet_peer"):
        if not (arguments.build / program).exists():
            sys.exit(f"{arguments.build / program} is missing: cmake --preset release "
                     "-DKINGLET_BUILD_BENCHMARKS=ON && cmake --build --preset release")
    settings = types.SimpleNamespace(**vars(arguments))
    settings.build = arguments.build.resolve()
    settings.work = settings.build / "peers"
    settings.out = arguments.out or settings.work
    settings.out.mkdir(parents=True, exist_ok=True)
    settings.work.mkdir(parents=True, exist_ok=True)
    settings.log = open(settings.work / "engines.log", "w")
    settings.engines = arguments.engines or ENGINES[arguments.precision]
    return settings


def main():
    arguments = parse_arguments()
    alone = arguments.sweep or arguments.beside_spinner
    installed = [] if alone else (arguments.engines or ["onnxruntime", "openvino"])
    if arguments.precision == "int8":
        installed = [*installed, "quantiser"]
    folder = arguments.environment or arguments.build / "peers" / "venv"
    engines.enter_environment(folder.absolute(), installed)
    import modes  # needs the environment
    import networks
    settings = prepare(arguments)
    chosen = arguments.networks or (["mobilenet_v1", "inception_v2"] if alone else networks.DEFAULT)
    chosen = [networks.Network(name, settings) for name in chosen]
    if arguments.precision == "int8":
        chosen = [each for network in chosen for each in networks.quantised(network, settings)]
    try:
        if arguments.sweep:
            return modes.sweep(chosen, settings)
        if arguments.beside_spinner:
            return modes.beside_spinner(chosen, settings)
        return modes.compare(chosen, settings)
    except KeyboardInterrupt:
        print(f"\nstopped; what was measured is in {settings.out}", file=sys.stderr)
        return 130
    except (engines.Failure, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
