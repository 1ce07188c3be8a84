"""Timing by turns: every worker runs for a moment, one after the other, round after round."""
import statistics
import time

from engines import Failure

TURN_MS = 60.0  # long enough to be in the rhythm of its own caches, short against changes of clock
FIRST_ROUNDS = 3
SLOW = 3  # times the first worker's


class Times:
    def __init__(self):
        self.rounds = []  # of each round the times, ms
        self.failure = None  # why the worker ended before its time

    def all(self):
        return [ms for times in self.rounds for ms in times]

    def median(self):
        return statistics.median(self.all())

    def quantile(self, share):
        ordered = sorted(self.all())
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def take_turns(workers, seconds, max_rounds, runs=None):
    """Times by worker. Until `seconds` are over or `max_rounds` were made, at least three. A worker
    that is much slower than the first one takes part in the first three only. `runs`: for each
    turn; None: as many as fill TURN_MS."""
    once, times = {}, {w: Times() for w in workers}

    def take(worker, count):
        try:
            if worker not in once:
                once[worker] = min(worker.run(2))
            else:
                if once[worker] < 4 * TURN_MS:
                    worker.run(1)  # gets its caches back
                times[worker].rounds.append(worker.run(count))
            worker.settle()
        except Failure as failure:
            if worker is workers[0]:
                raise
            times[worker].failure = str(failure)

    for worker in workers:
        take(worker, 2)
    start = time.monotonic()
    for turn in range(max_rounds):
        if turn >= FIRST_ROUNDS and time.monotonic() - start > seconds:
            break
        taking = [w for w in workers if times[w].failure is None and
                  (turn < FIRST_ROUNDS or once[w] <= SLOW * once[workers[0]])]
        shift = turn % len(taking)
        for worker in taking[shift:] + taking[:shift]:
            take(worker, runs or max(1, min(100, round(TURN_MS / once[worker]))))
    return times


def ratio(numerator, denominator):
    """Median over the rounds that both took part in of the ratio of their medians."""
    return statistics.median(statistics.median(a) / statistics.median(b)
                             for a, b in zip(numerator.rounds, denominator.rounds))
