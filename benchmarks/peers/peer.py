"""A peer's side of compare.py: one network at fixed shapes, run whenever somebody asks.

    python peer.py ENGINE MODEL THREADS INPUTS

INPUTS is JSON, {"input": {"shape": [8, 3, 224, 224], "file": "x.bin", "symbols": {"N": 8}}}, with
the names that the network gives to free sizes. The requests and answers are those of
kinglet_peer.cc. Every engine gets what its makers offer for speed at these shapes: the batch is
fixed where that can be said, inputs and outputs are bound and not copied.
"""
import json
import os
import resource
import sys
import time

import numpy as np


class OnnxRuntime:
    def __init__(self, path, threads, inputs, symbols):
        import onnxruntime as ort
        self.version = ort.__version__
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        for name, size in symbols.items():
            options.add_free_dimension_override_by_name(name, size)
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.names = [o.name for o in self.session.get_outputs()]
        self.binding = self.session.io_binding()
        for name, value in inputs.items():
            self.binding.bind_cpu_input(name, value)
        for name in self.names:
            self.binding.bind_output(name, "cpu")

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def outputs(self):
        return self.binding.copy_outputs_to_cpu()


class OpenVinoDefault:
    """As it runs by itself: in the precision that it chooses for the CPU."""
    PRECISION = {}

    def __init__(self, path, threads, inputs, _):
        import openvino as ov
        self.version = ov.__version__
        core = ov.Core()
        model = core.read_model(path)
        model.reshape({name: list(value.shape) for name, value in inputs.items()})
        compiled = core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
            **self.PRECISION})
        self.request = compiled.create_infer_request()
        for name, value in inputs.items():
            self.request.set_tensor(name, ov.Tensor(value, shared_memory=True))
        self.ports = compiled.outputs

    def run(self):
        self.request.infer()

    def outputs(self):
        return [np.array(self.request.get_tensor(port).data) for port in self.ports]


class OpenVino(OpenVinoDefault):
    PRECISION = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenCv:
    def __init__(self, path, threads, inputs, _):
        import cv2
        self.version = cv2.__version__
        cv2.setNumThreads(threads)
        self.net = cv2.dnn.readNetFromONNX(path)
        self.net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        self.names = self.net.getUnconnectedOutLayersNames()
        for name, value in inputs.items():
            self.net.setInput(value, name)
        self.inputs = inputs

    def run(self):
        for name, value in self.inputs.items():
            self.net.setInput(value, name)  # without it nothing is computed again
        self.result = self.net.forward(self.names)

    def outputs(self):
        return self.result


class Ncnn:
    """Has no batch: the pictures of a batch are run one after the other."""

    def __init__(self, path, threads, inputs, _):
        import ncnn
        self.ncnn = ncnn
        self.version = ncnn.__version__
        if len(inputs) != 1:
            raise ValueError("only networks with one input are run")
        self.batch = next(iter(inputs.values()))
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic",
                       "use_bf16_storage"):
            setattr(self.net.opt, option, False)
        base = os.path.splitext(path)[0]
        if self.net.load_param(base + ".ncnn.param") or self.net.load_model(base + ".ncnn.bin"):
            raise ValueError("the converted network cannot be loaded")

    def run(self):
        pictures = []
        for picture in self.batch:
            extractor = self.net.create_extractor()
            extractor.input(self.net.input_names()[0], self.ncnn.Mat(picture))
            pictures.append([extractor.extract(name)[1] for name in self.net.output_names()])
        self.result = pictures

    def outputs(self):
        return [np.stack([np.array(m) for m in maps]) for maps in zip(*self.result)]


ENGINES = {"onnxruntime": OnnxRuntime, "openvino": OpenVino,
           "openvino_default": OpenVinoDefault, "opencv": OpenCv, "ncnn": Ncnn}


def run_timed(engine, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        engine.run()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def peak_rss_mb():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def usage():
    """What the process took so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_ms": 1e3 * (used.ru_utime + used.ru_stime),
            "context_switches": used.ru_nvcsw + used.ru_nivcsw,
            "page_faults": used.ru_minflt + used.ru_majflt}


def answer(engine, request):
    command, _, rest = request.partition(" ")
    if command == "run":
        return {"ms": run_timed(engine, int(rest))}
    if command == "outputs":
        arrays = [np.ascontiguousarray(a, dtype=np.float32) for a in engine.outputs()]
        with open(rest, "wb") as file:
            for array in arrays:
                file.write(array.tobytes())
        return {"elements": [array.size for array in arrays]}
    if command == "memory":
        return {"peak_rss_mb": peak_rss_mb()}
    if command == "usage":
        return usage()
    raise ValueError(f"unknown request '{request}'")


def main():
    # What libraries print themselves goes to stderr.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(value):
        print(json.dumps(value), file=replies, flush=True)

    try:
        name, path, threads, described = sys.argv[1:]
        inputs, symbols = {}, {}
        for key, value in json.loads(described).items():
            inputs[key] = np.fromfile(value["file"], dtype=np.float32).reshape(value["shape"])
            symbols.update(value["symbols"])
        engine = ENGINES[name](path, int(threads), inputs, symbols)
        engine.run()
        reply({"version": engine.version})
        for line in sys.stdin:
            reply(answer(engine, line.strip()))
    except ModuleNotFoundError as error:
        reply({"missing": error.name})
        sys.exit(1)
    except Exception as error:  # the row of the table says it
        reply({"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]})
        sys.exit(1)


if __name__ == "__main__":
    main()
