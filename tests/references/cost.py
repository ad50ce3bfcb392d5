"""Bytes, time and errors of libraries for Python, on the streams of `tests/examples/sketches`:

    tests/run references    # installs them
    cargo run --release -p streamgauge-tests --example sketches -- target/streams
    target/references/venv/bin/python tests/references/cost.py target/streams

Nanoseconds are of the processor, one value at a time as it comes out of a stream: the median of rounds, less an empty
loop. Bytes are of the serialised form where there is one, or else what Python's allocator has given out.
"""

import math
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import datasketches
import numpy as np
from ddsketch.ddsketch import LogCollapsingLowestDenseDDSketch
from river import sketch as river
from river import stats

from generate import bits

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)
STREAMS = ("log-normal", "powers", "signs", "equal", "outlier")
COUNTS = (100, 1_000, 10_000, 100_000)
ROUNDS = 7


class Texts(river.NUnique):
    """It takes nothing but texts; the standard error is what it calls the error rate."""

    def update(self, item):
        super().update(str(item))


class Together:
    """A P-square estimator for each quantile, as river has one for one."""

    def __init__(self):
        self.each = {q: stats.Quantile(q) for q in QUANTILES}

    def update(self, value):
        for one in self.each.values():
            one.update(value)


def fed(sketch, take, items):
    take = getattr(sketch, take)
    for item in items:
        take(item)
    return sketch


def nanoseconds(new, take, items):
    taken = []
    for _ in range(ROUNDS):
        sketch = new()
        begun = time.thread_time_ns()
        fed(sketch, take, items)
        fed_at = time.thread_time_ns()
        for _ in items:
            pass
        taken.append(2 * fed_at - begun - time.thread_time_ns())
    return statistics.median(taken) / len(items)


def held(new, take, items):
    """Bytes that Python has given out for it."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    sketch = fed(new(), take, items)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held if sketch else None


def percent(part):
    return f"{100 * part:.2f} %" if part < 10 else f"{100 * part:.0e} %"


def row(name, size, time, promised, seen):
    print(f"{name:<34} {size:>7} {time:>7.0f} {promised:>11}", *(f"{percent(one):>17}" for one in seen))


def heading(name, seen):
    print(f"{name:<34} {'bytes':>7} {'ns':>7} {'promised':>11}", *(f"{one:>17}" for one in seen))


def largest_error(values, answer):
    """Against the exact quantile, or the value of one rank less or more: not all round ranks in the same way."""
    ordered = np.sort(values)
    errors = []
    for q in QUANTILES:
        rank = round(q * (len(ordered) - 1))
        near = ordered[max(rank - 1, 0) : rank + 2]
        errors.append(np.abs((answer(q) - near) / near).min())
    return max(errors)


def quantiles(streams):
    kll_bytes = lambda new, take, items: len(fed(new(), take, items).serialize())
    implementations = (
        ("ddsketch, 1024", "1 %", lambda: LogCollapsingLowestDenseDDSketch(0.01, 1024), "add", held,
         lambda sketch: sketch.get_quantile_value),
        ("datasketches KLL, 200", "rank 1.3 %", lambda: datasketches.kll_doubles_sketch(200), "update", kll_bytes,
         lambda sketch: lambda q: sketch.get_quantile(q, True)),
        ("river Quantile, nine of them", "-", Together, "update", held,
         lambda sketch: lambda q: sketch.each[q].get()),
    )
    heading("quantiles", STREAMS)
    for name, promised, new, take, size, answers in implementations:
        seen = [largest_error(values, answers(fed(new(), take, values.tolist()))) for values in streams.values()]
        first, signs = streams["log-normal"].tolist(), streams["signs"].tolist()
        row(name, size(new, take, signs), nanoseconds(new, take, first), promised, seen)


def standard_errors(new, estimate, counts, streams):
    squares = [0.0] * len(counts)
    for stream in range(streams):
        items = bits(stream << 32, counts[-1]).view(np.int64).tolist()
        sketch, done = new(stream), 0
        for number, count in enumerate(counts):
            fed(sketch, "update", items[done:count])
            done = count
            squares[number] += (estimate(sketch) / count - 1) ** 2
    return [math.sqrt(square / streams) for square in squares]


def distinct():
    by_method = lambda sketch: sketch.get_estimate()
    serialised = lambda new, take, items: len(fed(new(), take, items).serialize())
    eight, four = datasketches.HLL_8, datasketches.HLL_4
    implementations = (
        ("datasketches HLL of 8 bits, 11", "1.84 %", lambda _=0: datasketches.hll_sketch(11, eight), by_method, 400,
         lambda new, take, items: len(fed(new(), take, items).serialize_updatable())),
        ("datasketches HLL of 4 bits, 12", "1.30 %", lambda _=0: datasketches.hll_sketch(12, four), by_method, 400,
         lambda new, take, items: len(fed(new(), take, items).serialize_updatable())),
        ("datasketches CPC, 11", "1.53 %", lambda _=0: datasketches.cpc_sketch(11), by_method, 400, serialised),
        ("river NUnique, 11", "2.30 %", lambda seed=0: Texts(0.023, seed=seed), lambda one: one.get(), 10,
         held),
    )
    heading("distinct", COUNTS)
    items = bits(0, COUNTS[-1]).view(np.int64).tolist()
    for name, promised, new, estimate, streams, size in implementations:
        seen = standard_errors(new, estimate, COUNTS, streams)
        row(name, size(new, "update", items), nanoseconds(new, "update", items), promised, seen)


def frequent(keys):
    sketch = lambda: datasketches.frequent_items_sketch(7)
    heading("frequent", ("few frequent", "all different"))
    different = bits(0, len(keys)).view(np.int64)
    seen = []
    for items in (keys, different):
        told = fed(sketch(), "update", items.tolist())
        values, counts = np.unique(items, return_counts=True)
        seen.append(max(abs(told.get_estimate(value) - count) for value, count in zip(values.tolist(), counts.tolist())))
    seen = [largest / len(keys) for largest in seen]
    listed = keys.tolist()
    size = len(fed(sketch(), "update", listed).serialize(datasketches.PyLongsSerDe()))
    row("datasketches frequent, 128", size, nanoseconds(sketch, "update", listed), "2.73 %", seen)
    own = lambda: river.HeavyHitters(support=0.01, epsilon=1 / 64, fading_factor=1.0)
    seen = []
    for items in (keys, different):
        told = fed(own(), "update", items.tolist())
        values, counts = np.unique(items, return_counts=True)
        seen.append(max(abs(told[value] - count) for value, count in zip(values.tolist(), counts.tolist())) / len(keys))
    row("river HeavyHitters, 1/64", held(own, "update", listed), nanoseconds(own, "update", listed), "1.56 %", seen)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    quantiles({name: np.fromfile(folder / name, "<f8") for name in STREAMS})
    distinct()
    frequent(np.fromfile(folder / "keys", "<u8").astype(np.int64))
