"""What compare.py can find out: networks against peers, a sweep of batch sizes, a busy core."""
import csv
import subprocess
import sys

import numpy as np

import engines
import report
from turns import ratio, take_turns

# Times max(1, largest value): the same answer in another order of summation, or as far apart as
# two engines are that round what is between operators.
TOLERANCE = {"f32": 1e-4, "bf16": 2e-2, "int8": 6e-2}
LARGEST_FALL = 0.03


def note(text):
    print(text, file=sys.stderr, flush=True)


def peaks(worker):
    return "FMA in registers, 1 and 2 cores at once: " + ", ".join(
        f"{worker.ask(f'peak {cores}')['gflops']:.0f} GFLOP/s" for cores in (1, 2))


def answers(worker, settings):
    file = settings.work / "outputs.bin"
    elements = worker.ask(f"outputs {file}")["elements"]
    return np.split(np.fromfile(file, dtype=np.float32), np.cumsum(elements)[:-1])


def difference(ours, theirs, tolerance):
    """The largest difference in tolerances: up to 1 the answers are the same. OpenCV has its own
    order of outputs: where it is another, sizes tell them apart."""
    sizes = [a.size for a in ours]
    if sizes != [a.size for a in theirs] and len(set(sizes)) == len(sizes):
        theirs = sorted(theirs, key=lambda a: sizes.index(a.size) if a.size in sizes else -1)
    if sizes != [a.size for a in theirs]:
        return float("inf")
    worst = 0.0
    for a, b in zip(ours, theirs):
        allowed = tolerance * max(1.0, float(np.abs(b).max(initial=0)))
        error = float(np.abs(a - b).max(initial=0)) / allowed
        worst = max(worst, error if error == error else float("inf"))
    return worst


def measure(network, batch, threads, settings):
    """A row for each engine; the first is Kinglet's."""
    workers, rows = [], []
    try:
        for engine in ["kinglet", *settings.engines]:
            row = {"network": network.name, "batch": batch, "threads": threads, "engine": engine}
            rows.append(row)
            try:
                workers.append(engines.start(engine, network, batch, threads, settings))
                workers[-1].settle()
                row["worker"] = workers[-1]
            except engines.Failure as failure:
                if engine == "kinglet":
                    sys.exit(f"{network.path}: kinglet: {failure}")
                row["note"] = str(failure)
        times = take_turns(workers, settings.seconds, settings.rounds)
        ours = answers(workers[0], settings)
        for row in rows:
            worker = row.pop("worker", None)
            if worker is None:
                continue
            t = times[worker]
            if t.failure is not None:
                row["note"] = t.failure
                continue
            row.update(version=worker.version, median_ms=t.median(), min_ms=min(t.all()),
                       p95_ms=t.quantile(0.95), runs=len(t.all()),
                       images_per_s=1000 * batch / t.median(), peak_rss_mb=worker.peak_rss_mb())
            if worker is not workers[0]:
                row["ratio"] = ratio(t, times[workers[0]])
                row["difference"] = difference(ours, answers(worker, settings),
                                               TOLERANCE[settings.precision])
    finally:
        for worker in workers:
            worker.close()
    return rows


def read_bars(path):
    with open(path, newline="") as file:
        return {(r["network"], int(r["batch"]), int(r["threads"])): float(r["bar"])
                for r in csv.DictReader(file)}


def compare(networks, settings):
    table = report.Comparison(settings, read_bars(settings.bars))
    first = engines.start("kinglet", networks[0], 1, 1, settings)
    table.remark(peaks(first))
    note(table.remarks[-1])
    for network in networks:
        for batch in settings.batch:
            for threads in settings.threads:
                rows = measure(network, batch, threads, settings)
                note(table.add(rows))
    table.remark("at the end: " + peaks(first))
    first.close()
    note(table.summary())
    note(f"tables: {table.csv_path}, {table.markdown_path}")
    return 1 if table.wrong else 0


def sweep(networks, settings):
    table = report.Lines(settings, "sweep", ["network", "threads", "batch", "ms_per_image",
                                             "next_throughput_ratio", "falls"])
    falls = 0
    for network in networks:
        for threads in settings.threads:
            worker = None
            for batch, following in zip(settings.sweep, settings.sweep[1:]):
                worker = worker or engines.start("kinglet", network, batch, threads, settings)
                other = engines.start("kinglet", network, following, threads, settings)
                times = take_turns([worker, other], settings.seconds, settings.rounds)
                gain = ratio(times[worker], times[other]) * following / batch
                if gain < 1 - LARGEST_FALL:  # is it so, or was it a moment?
                    again = take_turns([worker, other], settings.seconds, settings.rounds)
                    for key, more in again.items():
                        times[key].rounds += more.rounds
                    gain = ratio(times[worker], times[other]) * following / batch
                fell = gain < 1 - LARGEST_FALL
                falls += fell
                table.add(network.name, threads, batch, f"{times[worker].median() / batch:.3f}",
                          f"{gain:.3f}", "yes" if fell else "")
                note(f"{network.name} threads {threads} batch {batch} -> {following}: throughput "
                     f"x {gain:.3f}{'  FALLS' if fell else ''}")
                worker.close()
                worker = other
            if worker is not None:
                worker.close()
    note(f"{falls} falls of more than {LARGEST_FALL:.0%}; table: {table.markdown_path}")
    return 1 if falls else 0


def one_and_two(network, settings, beside):
    """Times of 1 and of 2 threads at batch 1, and the peaks seen meanwhile."""
    workers = [engines.start("kinglet", network, 1, threads, settings) for threads in (1, 2)]
    try:
        before = peaks(workers[0])
        spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if beside else None
        try:
            per_turn = 10
            rounds = -(-settings.runs // per_turn)
            times = take_turns(workers, float("inf"), rounds, per_turn)
        finally:
            if spinner is not None:
                spinner.kill()
                spinner.wait()
        return [times[worker] for worker in workers], before
    finally:
        for worker in workers:
            worker.close()


def beside_spinner(networks, settings):
    table = report.Lines(settings, "spinner", [
        "network", "beside", "1_thread_median_ms", "1_thread_p95_ms", "2_threads_median_ms",
        "2_threads_p95_ms", "2_threads_over_1", "peak"])
    for network in networks:
        for beside in (False, True):
            (one, two), peak = one_and_two(network, settings, beside)
            over = two.median() / one.median()
            table.add(network.name, "a spinning process" if beside else "nothing",
                      f"{one.median():.2f}", f"{one.quantile(0.95):.2f}", f"{two.median():.2f}",
                      f"{two.quantile(0.95):.2f}", f"{over:.2f}", peak)
            note(f"{network.name} {'beside a spinner' if beside else 'alone'}: 1 thread "
                 f"{one.median():.2f} ms (p95 {one.quantile(0.95):.2f}), 2 threads "
                 f"{two.median():.2f} ms (p95 {two.quantile(0.95):.2f}): {over:.2f} times as long "
                 f"[{peak}]")
    note(f"table: {table.markdown_path}")
    return 0
