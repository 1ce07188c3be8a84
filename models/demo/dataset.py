"""Draws the pictures of a split and keeps them, resized to the network's input, in a cache folder.

python3 dataset.py --cache /tmp/kinglet-demo --processes 2
"""

import argparse
import multiprocessing
import pathlib
import random

import numpy

import draw

SIZE = 128
SEED = 20
# Pictures of each class in each split, and whether they are of the hard kind.
SPLITS = {
    "train": (1250, False),
    "validation": (60, False),
    "known": (600, False),  # beside the pictures of outliers.py
    "heldout": (125, False),
    "heldout_hard": (125, True),
}


def resize(rgb, size=SIZE):
    """Bilinear with half-pixel centres and no antialias: the rule of the network's descriptor."""

    def taps(length):
        x = (numpy.arange(size, dtype=numpy.float64) + 0.5) * length / size - 0.5
        x = x.clip(0, length - 1)
        low = x.astype(numpy.int64)
        return low, numpy.minimum(low + 1, length - 1), (x - low).astype(numpy.float32)

    y0, y1, fy = taps(rgb.shape[0])
    x0, x1, fx = taps(rgb.shape[1])
    top, bottom = rgb[y0], rgb[y1]
    fx = fx[None, :, None]
    top = top[:, x0] * (1 - fx) + top[:, x1] * fx
    bottom = bottom[:, x0] * (1 - fx) + bottom[:, x1] * fx
    fy = fy[:, None, None]
    return top * (1 - fy) + bottom * fy


def seed_of(split, label, index):
    return f"{SEED}/{split}/{label}/{index}"


def _one(job):
    split, label, index, hard = job
    rng = random.Random(seed_of(split, label, index))
    picture, _ = draw.draw_picture(label, rng, hard)
    return (resize(numpy.asarray(picture)) + 0.5).astype(numpy.uint8)


def load(split, cache, processes=1):
    """(pictures N x SIZE x SIZE x 3 uint8, labels N int64), from the cache or drawn."""
    count, hard = SPLITS[split]
    labels = numpy.repeat(numpy.arange(len(draw.LABELS)), count)
    path = pathlib.Path(cache) / f"{split}_{SIZE}_{SEED}_{count}.npy"
    if path.exists():
        return numpy.load(path, mmap_mode="r"), labels
    jobs = [(split, name, i, hard) for name in draw.LABELS for i in range(count)]
    with multiprocessing.Pool(processes) as pool:
        pictures = numpy.stack(list(pool.imap(_one, jobs, chunksize=50)))
    path.parent.mkdir(parents=True, exist_ok=True)
    numpy.save(path, pictures)
    return pictures, labels


def run(session, pictures, output="output"):
    """An output of a network for N pictures, N x size x size x 3 in 0..255."""
    parts = []
    for i in range(0, len(pictures), 50):
        x = (pictures[i : i + 50].astype(numpy.float32) - 127.5) / 127.5
        parts.append(session.run([output], {"input": x.transpose(0, 3, 1, 2)})[0])
    return numpy.concatenate(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", default="/tmp/kinglet-demo")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    for split in SPLITS:
        pictures, _ = load(split, args.cache, args.processes)
        print(split, pictures.shape)


if __name__ == "__main__":
    main()
