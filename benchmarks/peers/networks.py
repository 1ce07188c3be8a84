"""ONNX files to compare with, and inputs for them."""
import json
import pathlib
import subprocess
import sys

import numpy as np

DEFAULT = ["mobilenet_v1", "mobilenet_v2", "inception_v2", "inception_v3", "squeezenet", "resnet50",
           "vgg16", "ssd_mobilenet_v1", "ssd_inception_v2"]


PICTURES = pathlib.Path(__file__).resolve().parents[2] / "models" / "demo" / "images"


def is_quantised(path):
    """Whether the file has nodes QuantizeLinear (their name stands in it as it is)."""
    return b"QuantizeLinear" in path.read_bytes()


def quantised(network, settings):
    """The network in 8 bits, by ONNX Runtime's quantiser and by 'kinglet quantize'; itself where it
    is quantised already."""
    if is_quantised(network.path):
        return [network]
    made = []
    for suffix, quantiser in (("ort_int8", quantise_by_onnxruntime), ("int8", quantise_by_kinglet)):
        path = settings.work / "models" / f"{network.name}_{suffix}.onnx"
        if not path.exists() or path.stat().st_mtime < network.path.stat().st_mtime:
            path.parent.mkdir(parents=True, exist_ok=True)
            quantiser(network, path)
        if path.exists():
            made.append(Network(str(path), settings))
    return made


def quantise_by_kinglet(network, path):
    """With the pictures that belong to the project, whatever comes of the answers: time does not
    depend on them. Nothing for a file that has no descriptor."""
    command = [network.kinglet, "quantize", network.path, "--calibrate", PICTURES, "--output", path,
               "--budget", "100%", "--quiet"]
    if network.named:
        command += ["--descriptor", network.name]
    done = subprocess.run([str(a) for a in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{network.name}: not quantised by kinglet quantize: {done.stderr.strip()}",
              file=sys.stderr)


def quantise_by_onnxruntime(network, path):
    """As ONNX Runtime's documents advise: per channel, uint8 activations, int8 weights; ranges from
    random pictures, which time does not depend on."""
    from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                          quantize_static)
    described = network.inputs(1)

    class Pictures(CalibrationDataReader):
        def __init__(self):
            feed = {name: np.fromfile(value["file"], np.float32).reshape(value["shape"])
                    for name, value in described.items()}
            self.feeds = iter([feed])

        def get_next(self):
            return next(self.feeds, None)

    quantize_static(str(network.path), str(path), Pictures(), quant_format=QuantFormat.QDQ,
                    per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8)


class Network:
    """A file, or a network that kinglet export writes."""

    def __init__(self, name_or_file, settings):
        self.settings = settings
        self.kinglet = settings.build / "kinglet"
        file = pathlib.Path(name_or_file)
        self.named = file.suffix != ".onnx"  # a descriptor's name
        self.name = name_or_file if self.named else file.stem
        self.path = self._export() if self.named else file
        self.described = {}

    def _export(self):
        path = self.settings.work / "models" / f"{self.name}.onnx"
        if not path.exists() or path.stat().st_mtime < self.kinglet.stat().st_mtime:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._run("export", self.name, "-o", path, "--quiet")
        return path

    def _run(self, *arguments):
        done = subprocess.run([str(a) for a in (self.kinglet, *arguments)], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr.strip())
        return done.stdout

    def inputs(self, batch):
        """What peer.py wants to know: shape, file and names of free sizes, by input."""
        if batch not in self.described:
            facts = json.loads(self._run("info", self.path, "--batch", batch, "--json"))
            self.described[batch] = {i["name"]: self._input(i, batch) for i in facts["inputs"]}
        return self.described[batch]

    def _input(self, declared, batch):
        if declared["type"] != "float32":
            sys.exit(f"{self.path}: input '{declared['name']}' is {declared['type']}; float32 only")
        shape = declared["planned"]
        file = self.settings.work / "inputs" / ("x".join(map(str, shape)) + ".bin")
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng(batch)
            rng.uniform(-1, 1, shape).astype(np.float32).tofile(file)
        symbols = {name: size for name, size in zip(declared["shape"], shape)
                   if isinstance(name, str) and name != "?"}
        return {"shape": shape, "file": str(file), "symbols": symbols}
