"""Statistics as libraries give them that nobody here has written, for tests/tests/references to compare with.

    generate.py OUT [CLICKS]

writes them to the file OUT as JSON. The streams are made by a recurrence in integers which the tests know as well, so
that both have the same numbers to the bit; CLICKS is the file of the real clicks. Numbers that have to be more exact
than a double are texts of 40 digits: by fractions, and by numpy in its longest floating point.
"""

import json
import math
import struct
import sys
from decimal import Context, Decimal
from fractions import Fraction
from importlib.metadata import version

import datasketches
import ddsketch
import numpy as np
from ddsketch.ddsketch import LogCollapsingLowestDenseDDSketch
from river import drift, stats, utils

COUNT = 20_001  # The ranks of p50, p90, p99 and p999 are whole numbers: all definitions of a quantile agree.
QUANTILES = (0.5, 0.9, 0.99, 0.999)
PRECISE = Context(prec=40)


# --- Streams: tests/tests/references/streams.rs has the same.

def bits(seed, count):
    """Splitmix64 (Steele, Lea and Flood, 2014)."""
    state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def unit(seed, count=COUNT):
    return (bits(seed, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def bell(seed, count=COUNT):
    twelve = unit(seed, 12 * count).reshape(count, 12)
    total = np.zeros(count)
    for column in range(12):
        total = total + twelve[:, column]
    return total - 6.0


def heavy(seed, count=COUNT):
    return 1.0 / (1.0 - unit(seed, count))


def signed(seed, octaves, count=COUNT):
    drawn = (bits(seed, count) & np.uint64(octaves - 1)).astype(np.int64)
    values = np.ldexp(unit(seed, count) - 0.5, drawn - octaves // 2)
    return np.where(drawn == octaves - 1, 0.0, values)


def shifted(seed, count=COUNT):
    return bell(seed, count) + np.where(np.arange(count) // 500 % 2 == 1, 3.0, 0.0)


def flat(seed, count=COUNT):
    return np.floor(8.0 / (1.0 - unit(seed, count)))


STREAMS = {
    "uniform": unit(1),
    "offset": 1e9 + unit(2),
    "bell": bell(3),
    "heavy": heavy(4),
    "signed": signed(5, 16),
    "wide": signed(6, 64),
    "integers": (bits(7, COUNT) % np.uint64(1000)).astype(np.float64),
    "shifted": shifted(8),
}
PAIRS = {
    "line": (STREAMS["uniform"], 2.5 * STREAMS["uniform"] + STREAMS["bell"]),
    "loose": (STREAMS["bell"], STREAMS["heavy"]),
    "far": (STREAMS["offset"], 1e6 - STREAMS["offset"]),
    "signs": (STREAMS["signed"], STREAMS["shifted"]),
}


def checksum(values):
    total = 0
    for value in values:
        total = (total * 31 + struct.unpack("<Q", struct.pack("<d", value))[0]) % 2**64
    return str(total)


# --- Exact arithmetic

def text(value):
    return str(value) if isinstance(value, Decimal) else str(PRECISE.divide(value.numerator, value.denominator))


def deviations(values):
    """Their mean, and n times the distance of each from it, as whole numbers of 1 / scale."""
    ratios = [float(value).as_integer_ratio() for value in values]
    scale = max(denominator for _, denominator in ratios)
    whole = [numerator * (scale // denominator) for numerator, denominator in ratios]
    total = sum(whole)
    return Fraction(total, len(whole) * scale), [len(whole) * one - total for one in whole], scale


def quotient(value, square):
    """value / sqrt(square)."""
    wide = Context(prec=80)
    as_decimal = lambda fraction: wide.divide(fraction.numerator, fraction.denominator)
    return PRECISE.plus(wide.divide(as_decimal(value), wide.sqrt(as_decimal(square))))


def root(square):
    return quotient(square, square) if square else square


def exact_moments(values):
    n = len(values)
    mean, apart, scale = deviations(values)
    m2, m3, m4 = (Fraction(sum(one**power for one in apart), n * (n * scale) ** power) for power in (2, 3, 4))
    variance = m2 * n / (n - 1)
    return {
        "mean": text(mean),
        "variance": text(variance),
        "population_variance": text(m2),
        "stddev": text(root(variance)),
        "skewness": text(quotient(m3, m2**3)),
        "kurtosis": text(m4 / m2**2 - 3),
    }


def exact_pair(xs, ys):
    n = len(xs)
    (mean_x, x, scale_x), (mean_y, y, scale_y) = deviations(xs), deviations(ys)
    dot = lambda a, b, scale: Fraction(sum(one * other for one, other in zip(a, b)), n * n * scale)
    xx, xy, yy = dot(x, x, scale_x**2), dot(x, y, scale_x * scale_y), dot(y, y, scale_y**2)
    return {
        "covariance": text(xy / (n - 1)),
        "population_covariance": text(xy / n),
        "correlation": text(quotient(xy, xx * yy)),
        "slope": text(xy / xx),
        "intercept": text(mean_y - xy / xx * mean_x),
        "r_squared": text(xy**2 / (xx * yy)),
        "residual_stddev": text(root((yy - xy**2 / xx) / (n - 2))),
    }


# --- numpy

def numpy_moments(values):
    long = values.astype(np.longdouble)
    apart = long - long.mean()
    variance = np.var(long)
    moments = {
        "mean": np.mean(long),
        "variance": np.var(long, ddof=1),
        "population_variance": variance,
        "stddev": np.std(long, ddof=1),
        "skewness": np.mean(apart**3) / variance ** np.longdouble(1.5),
        "kurtosis": np.mean(apart**4) / variance**2 - 3,
    }
    return {name: np.format_float_scientific(value, precision=30) for name, value in moments.items()}


def numpy_pair(xs, ys):
    line, squares, *_ = np.linalg.lstsq(np.column_stack((xs, np.ones(len(xs)))), ys, rcond=None)
    covariance = np.cov(xs, ys)[0, 1]
    return {
        "covariance": covariance,
        "correlation": np.corrcoef(xs, ys)[0, 1],
        "slope": line[0],
        "intercept": line[1],
        "residual_stddev": math.sqrt(squares[0] / (len(xs) - 2)) if len(squares) else None,
        "polyfit_slope": np.polyfit(xs, ys, 1)[0],
    }


def numpy_quantiles(values):
    ranked = np.quantile(values, QUANTILES, method="inverted_cdf")
    # What ddsketch ranks by: with COUNT values that has to be the same.
    assert len(values) != COUNT or (ranked == np.quantile(values, QUANTILES, method="lower")).all()
    return ranked.tolist()


def most_frequent(values):
    unique, counts = np.unique(np.array(values, dtype=object), return_counts=True)
    return {str(value): int(count) for value, count in zip(unique, counts)}


# --- River

def river_numbers(values):
    measures = {
        "mean": stats.Mean(),
        "variance": stats.Var(),
        "skewness": stats.Skew(bias=True),
        "kurtosis": stats.Kurtosis(bias=True),
        "min": stats.Min(),
        "max": stats.Max(),
    }
    for value in values.tolist():
        for measure in measures.values():
            measure.update(value)
    return {name: measure.get() for name, measure in measures.items()}


def river_windows(values, size, every):
    measures = {
        "mean": utils.Rolling(stats.Mean, window_size=size),
        "variance": utils.Rolling(stats.Var, window_size=size),
        "min": stats.RollingMin(size),
        "max": stats.RollingMax(size),
    }
    told = []
    for number, value in enumerate(values.tolist(), 1):
        for measure in measures.values():
            measure.update(value)
        if number >= size and number % every == 0:
            told.append({name: measure.get() for name, measure in measures.items()})
    return {"size": size, "every": every, "told": told}


def river_alarms(values, drift_by, threshold, sigma):
    """Page-Hinkley without forgetting, which begins anew after an alarm."""
    detector = drift.PageHinkley(min_instances=1, delta=drift_by * sigma, threshold=threshold * sigma, alpha=1.0)
    alarms = []
    for number, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            alarms.append(number)
    return {"drift": drift_by, "threshold": threshold, "sigma": sigma, "alarms": alarms}


def numpy_alarms(values, drift_by, threshold, learn):
    """CUSUM about the mean of the first values, learned again after an alarm; as cumulated sums less their least."""
    alarms, begin = [], 0
    while begin + learn < len(values):
        known, rest = values[begin : begin + learn], values[begin + learn :]
        distances = (rest - known.mean()) / known.std(ddof=1)
        firsts = {}
        for name, sign in (("up", 1.0), ("down", -1.0)):
            sums = np.cumsum(sign * distances - drift_by)
            above = sums - np.minimum(0.0, np.minimum.accumulate(sums)) > threshold
            if above.any():
                firsts[name] = int(above.argmax())
        if not firsts:
            break
        name = min(firsts, key=firsts.get)
        begin += learn + firsts[name] + 1
        alarms.append([begin - 1, name])
    return {"drift": drift_by, "threshold": threshold, "learn": learn, "alarms": alarms}


# --- Sketches

def distinct_errors():
    """The root of the mean squared relative error over many streams."""
    eight, four = datasketches.HLL_8, datasketches.HLL_4
    streams, sizes = 200, (1_000, 10_000, 50_000)
    squares = {name: dict.fromkeys(sizes, 0.0) for name in ("hll8", "hll4_merged", "cpc")}
    for stream in range(streams):
        items = bits(1_000 + stream, sizes[-1]).view(np.int64).tolist()
        whole, compressed = datasketches.hll_sketch(11, eight), datasketches.cpc_sketch(11)
        halves = [datasketches.hll_sketch(12, four) for _ in range(2)]
        for number, item in enumerate(items, 1):
            whole.update(item)
            compressed.update(item)
            halves[number % 2].update(item)
            if number in sizes:
                union = datasketches.hll_union(12)
                for half in halves:
                    union.update(half)
                merged = union.get_result(four)
                for name, sketch in (("hll8", whole), ("hll4_merged", merged), ("cpc", compressed)):
                    squares[name][number] += (sketch.get_estimate() / number - 1.0) ** 2
    rooted = lambda errors: {str(size): math.sqrt(sum_ / streams) for size, sum_ in errors.items()}
    return {"streams": streams, "errors": {name: rooted(errors) for name, errors in squares.items()}}


def kll_errors():
    """The largest relative errors over many streams of heavy tails."""
    streams, largest, size = 50, [0.0] * len(QUANTILES), 0
    for stream in range(streams):
        values = heavy(2_000 + stream)
        sketch = datasketches.kll_doubles_sketch(200)
        sketch.update(values)
        size = max(size, len(sketch.serialize()))
        for number, (q, exact) in enumerate(zip(QUANTILES, numpy_quantiles(values))):
            error = abs(sketch.get_quantile(q, True) - exact) / exact
            largest[number] = max(largest[number], error)
    return {"streams": streams, "bytes": size, "errors": largest}


def frequent(values):
    """Of texts; in a map of 64, of which three quarters are used."""
    sketch = datasketches.frequent_strings_sketch(6)
    for value in values:
        sketch.update(value)
    kinds = datasketches.frequent_items_error_type
    told = sketch.get_frequent_items(kinds.NO_FALSE_NEGATIVES)
    bounds = {item: [lower, upper] for item, _, lower, upper in told}
    return {"capacity": 48, "exact": most_frequent(values), "datasketches": bounds}


def sketch_quantiles(values):
    sketch = ddsketch.DDSketch(0.01)
    for value in values.tolist():
        sketch.add(value)
    return [sketch.get_quantile_value(q) for q in QUANTILES]


def collapsed():
    """A hundred ones and one 2^30 in few bins, as ddsketch has it: far off, and it doesn't say so."""
    sketch = LogCollapsingLowestDenseDDSketch(0.01, 64)
    for value in [1.0] * 100 + [2.0**30]:
        sketch.add(value)
    return {"bins": 64, "median": sketch.get_quantile_value(0.5)}


# --- The clicks

def clicks(path):
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines if line.strip()]
    column = lambda name: [record[name] for record in records if record.get(name) is not None]
    numbers = lambda name: np.array(column(name), dtype=np.float64)
    places = np.array(column("ll"), dtype=np.float64)
    told = {name: numbers_of(numbers(name)) for name in ("t", "hc")}
    told |= {"ll[0]": numbers_of(places[:, 0]), "ll[1]": numbers_of(places[:, 1])}
    return {
        "records": len(records),
        "numbers": told,
        "pair": {"exact": exact_pair(places[:, 0], places[:, 1]), "numpy": numpy_pair(places[:, 0], places[:, 1])},
        "texts": {name: frequent(column(name)) for name in ("a", "tz", "g")},
    }


def numbers_of(values):
    return {
        "count": len(values),
        "exact": exact_moments(values),
        "numpy": numpy_moments(values),
        "min": float(values.min()),
        "max": float(values.max()),
        "quantiles": numpy_quantiles(values),
        "unique": len(np.unique(values)),
    }


def main(out, clicks_path=None):
    texts = lambda values: [str(int(value)) for value in values]
    result = {
        "versions": {name: version(name) for name in ("datasketches", "ddsketch", "numpy", "river")},
        # Whether numpy's longest floating point has more digits than a double: not on every machine.
        "long": bool(np.finfo(np.longdouble).nmant >= 63),
        "quantiles": QUANTILES,
        "streams": {
            name: {"checksum": checksum(values), "river": river_numbers(values), "ddsketch": sketch_quantiles(values)}
            | numbers_of(values)
            for name, values in STREAMS.items()
        },
        "pairs": {name: {"exact": exact_pair(*pair), "numpy": numpy_pair(*pair)} for name, pair in PAIRS.items()},
        "histogram": np.histogram(STREAMS["uniform"], bins=50, range=(0.0, 1.0))[0].tolist(),
        "integers": np.bincount(STREAMS["integers"].astype(np.int64), minlength=1000).tolist(),
        "distinct": distinct_errors(),
        "kll": kll_errors(),
        "top": {"steep": frequent(texts(heavy(9))), "flat": frequent(texts(flat(10)))},
        "collapsed": collapsed(),
        "page_hinkley": [
            river_alarms(STREAMS["shifted"], *settings)
            for settings in ((0.5, 5.0, 1.0), (0.25, 8.0, 1.0), (0.5, 6.0, 2.0), (0.0, 20.0, 1.0))
        ],
        "cusum": [numpy_alarms(STREAMS["shifted"], *settings) for settings in ((0.5, 5.0, 100), (1.0, 4.0, 30))],
        "windows": river_windows(STREAMS["bell"][:2_000], 100, 20),
        "clicks": clicks(clicks_path) if clicks_path else None,
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(result, file, default=float, allow_nan=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
