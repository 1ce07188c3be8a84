"""The engines that compare.py compares: their environment, and a process for each of them."""
import contextlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import time
import venv

HERE = pathlib.Path(__file__).resolve().parent
DEBIAN_PYTHON = "/usr/bin/python3"  # the one that python3-opencv belongs to

# What pip installs for each; the modules are called as the packages.
PACKAGES = {
    "onnxruntime": ["onnxruntime>=1.30"],
    "openvino": ["openvino"],          # held to float32
    "openvino_default": ["openvino"],  # as it runs by itself: bfloat16 where the CPU has it
    "ncnn": ["ncnn", "pnnx"],  # pnnx writes ncnn's files
    "quantiser": ["onnx"],  # of ONNX Runtime
    "opencv": [],
    "kinglet": [],
}


def missing_packages(engines):
    wanted = ["numpy"] + [package for engine in engines for package in PACKAGES[engine]]
    return [p for p in wanted if importlib.util.find_spec(p.split(">")[0]) is None]


def enter_environment(folder, engines):
    """Goes on in a virtual environment in `folder` that has the packages of these engines."""
    python = folder / "bin" / "python"
    if pathlib.Path(sys.prefix) != folder.resolve():
        if not python.exists():
            print(f"making the environment {folder}", file=sys.stderr)
            venv.create(folder, with_pip=True)
        os.execv(python, [str(python), *sys.argv])
    missing = missing_packages(engines)
    if missing:
        print(f"installing {' '.join(missing)}", file=sys.stderr)
        # Of pnnx only the program is used, which does without the PyTorch that its package wants.
        alone = [package for package in missing if package == "pnnx"]
        for packages in ([p for p in missing if p not in alone], ["--no-deps", *alone]):
            if packages != ["--no-deps"] and packages:
                subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *packages],
                               check=True)
        os.execv(sys.executable, [sys.executable, *sys.argv])


class Failure(Exception):
    """Why an engine does not run a network, in words for a row of the table."""


class Missing(Failure):
    """The engine itself is not there."""


class Worker:
    """A process with one network at fixed shapes, which runs when it is asked and else sleeps."""

    def __init__(self, engine, command, log):
        self.engine = engine
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            self.version = self._answer()["version"]
        except Failure:
            self.close()
            raise

    def ask(self, request):
        with contextlib.suppress(BrokenPipeError):  # the answer says why
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        return self._answer()

    def run(self, count):
        return self.ask(f"run {count}")["ms"]

    def peak_rss_mb(self):
        return self.ask("memory")["peak_rss_mb"]

    def settle(self):
        """Waits until threads that spin for more work have gone to sleep, a second at most."""
        used = self._cpu_ms()
        for _ in range(250):
            time.sleep(0.004)
            before, used = used, self._cpu_ms()
            if used - before < 0.2:
                return

    def _cpu_ms(self):
        nanoseconds = 0
        for stat in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            try:
                nanoseconds += int(stat.read_text().split()[0])
            except (OSError, IndexError):  # a thread that has ended
                pass
        return nanoseconds / 1e6

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            raise Failure(f"the process ended with {code}" + (" (memory?)" if code == -9 else ""))
        answer = json.loads(line)
        if "missing" in answer:
            raise Missing("not installed" + (" (Debian's package python3-opencv)"
                                             if self.engine == "opencv" else ""))
        if "error" in answer:
            raise Failure(answer["error"])
        return answer


def files_for_ncnn(network, folder):
    """A path beside which ncnn's files lie: the network's, or that of a copy in `folder`, where pnnx
    writes them."""
    if network.path.with_suffix(".ncnn.param").exists():
        return network.path
    copy = folder / f"{network.name}.onnx"
    if not copy.with_suffix(".ncnn.param").exists():
        package = importlib.util.find_spec("pnnx")
        if package is None:
            raise Failure(f"{network.name}.ncnn.param and .bin lie neither beside it nor in {folder}, "
                          "and pnnx, which writes them, is not installed")
        tool = pathlib.Path(package.submodule_search_locations[0]) / "pnnx"
        folder.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        copy.symlink_to(network.path.resolve())
        shapes = ",".join(str([1, *value["shape"][1:]]).replace(" ", "") + "f32"
                          for value in network.inputs(1).values())
        done = subprocess.run([tool, copy, f"inputshape={shapes}", "fp16=0"], capture_output=True,
                              text=True, cwd=folder, check=False)
        if done.returncode != 0 or not copy.with_suffix(".ncnn.param").exists():
            raise Failure("pnnx does not convert it: " + " ".join(done.stderr.split())[-120:])
    return copy


def command_of(engine, network, batch, threads, settings):
    """How the process of a worker is called; Failure when the engine is not there or does not take
    the network."""
    inputs = network.inputs(batch)
    path = network.path
    if engine == "kinglet":
        command = [settings.build / "benchmarks" / "peers" / "kinglet_peer",
                   f"--precision={settings.precision}", path, threads]
        for name, value in inputs.items():
            command += [name, "x".join(map(str, value["shape"])), value["file"]]
        return command
    if engine == "ncnn":
        if importlib.util.find_spec("ncnn") is None:
            raise Missing("not installed (--engines ncnn installs it)")
        path = files_for_ncnn(network, settings.work / "ncnn")
    python = DEBIAN_PYTHON if engine == "opencv" else sys.executable
    return [python, HERE / "peer.py", engine, path, threads, json.dumps(inputs)]


def start(engine, network, batch, threads, settings):
    """A worker; Failure as command_of, and when it ends at once."""
    return Worker(engine, command_of(engine, network, batch, threads, settings), settings.log)
