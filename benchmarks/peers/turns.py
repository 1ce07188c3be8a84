"""Timing by turns: every worker runs for a moment, one after the other, round after round."""
import statistics
import time

TURN_MS = 60.0  # long enough to be in the rhythm of its own caches, short against changes of clock
FIRST_ROUNDS = 3


class Times:
    def __init__(self):
        self.rounds = []  # of each round the times, ms

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
    once = {}
    for worker in workers:
        once[worker] = min(worker.run(2))
        worker.settle()
    slow = {w for w in workers if once[w] > 3 * once[workers[0]]}
    times = {w: Times() for w in workers}
    start = time.monotonic()
    for turn in range(max_rounds):
        if turn >= FIRST_ROUNDS and time.monotonic() - start > seconds:
            break
        taking = [w for w in workers if turn < FIRST_ROUNDS or w not in slow]
        shift = turn % len(taking)
        for worker in taking[shift:] + taking[:shift]:
            count = runs or max(1, min(100, round(TURN_MS / once[worker])))
            if once[worker] < 4 * TURN_MS:
                worker.run(1)  # gets its caches back
            times[worker].rounds.append(worker.run(count))
            worker.settle()
    return times


def ratio(numerator, denominator):
    """Median over the rounds that both took part in of the ratio of their medians."""
    return statistics.median(statistics.median(a) / statistics.median(b)
                             for a, b in zip(numerator.rounds, denominator.rounds))
