"""Scenes of several drawn things with known boxes, their splits and their cache.

    python3 scenes.py --cache /tmp/kinglet-demo-detector --processes 2

The things and backgrounds are those of the demo classifier (../demo).
"""

import argparse
import multiprocessing
import pathlib
import random
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "demo"))

import backgrounds  # noqa: E402
import draw  # noqa: E402
from dataset import resize  # noqa: E402

SEED = 40
SIZE = 160  # the network's input
STORED = 192  # training scenes are kept larger, so that crops of them still have detail
MOST = 8  # things in a scene
# Scenes of each split, their side in the cache, and whether they are of the hard kind.
SPLITS = {
    "train": (3000, STORED, False),
    "validation": (150, SIZE, False),
    "heldout": (400, SIZE, False),
    "heldout_hard": (400, SIZE, True),
}
# A thing may hide at most this share of the box of one behind it.
_MOST_HIDDEN = 0.35


def _hidden(front, back):
    """Share of the box `back` that lies under the box `front`."""
    w = min(front[2], back[2]) - max(front[0], back[0])
    h = min(front[3], back[3]) - max(front[1], back[1])
    area = (back[2] - back[0]) * (back[3] - back[1])
    return max(0, w) * max(0, h) / area


def _room_for(place, boxes, rng):
    """Whether a thing at that place leaves enough of the others to be seen."""
    reach = place.size / 2
    box = (place.x - reach, place.y - reach, place.x + reach, place.y + reach)
    worst = max((_hidden(box, other) for other in boxes), default=0)
    return worst <= rng.choice([0.0, 0.15, _MOST_HIDDEN])


def _sizes(count, rng):
    """Sizes of the things as shares of the picture's short side: many things are small ones."""
    largest = {1: 0.85, 2: 0.65, 3: 0.55}.get(count, 0.45)
    return sorted((rng.uniform(0.16, largest) for _ in range(count)), reverse=True)


def draw_scene(rng, hard=False):
    """A picture of 1 to MOST things. Returns (RGB picture, [(class, box)]), boxes in pixels as
    draw.draw_object has them. `hard` as draw.draw_picture has it."""
    long_side = rng.randint(220, 640 if hard else 440)
    short_side = int(long_side * rng.uniform(0.62, 1.0))
    size = (long_side, short_side) if rng.random() < 0.65 else (short_side, long_side)
    held_out = hard and rng.random() < 0.5
    picture = rng.choice(backgrounds.HELD_OUT if held_out else backgrounds.USUAL)(size, rng)
    things = []
    for share in _sizes(rng.choice([1, 2, 2, 3, 3, 4, 4, 5, 6, MOST]), rng):
        name = rng.choice(draw.LABELS)
        for _ in range(12):
            place = draw.random_placement(name, size, rng, share, share, 1.25 if hard else 1.0)
            if _room_for(place, [box for _, box in things], rng):
                box = draw.draw_object(picture, name, place, rng)
                if rng.random() < (0.2 if hard else 0.1):
                    draw.occlude(picture, box, rng, rng.uniform(0.05, 0.2))
                things.append((draw.LABELS.index(name), box))
                break
    return draw.degrade(picture, rng, 1.2 if hard else 1.0), things


def scene_of(split, index):
    """Scene number `index` of a split as it is drawn, before the resize."""
    return draw_scene(random.Random(f"{SEED}/{split}/{index}"), SPLITS[split][2])


def _one(job):
    split, index = job
    picture, things = scene_of(split, index)
    side = SPLITS[split][1]
    truth = numpy.full((MOST, 5), -1, numpy.float32)
    scale = numpy.array([picture.width, picture.height] * 2, numpy.float32)
    for row, (label, box) in zip(truth, things):
        row[0], row[1:] = label, numpy.array(box, numpy.float32) / scale
    return (resize(numpy.asarray(picture), side) + 0.5).astype(numpy.uint8), truth


def load(split, cache, processes=1):
    """(pictures N x side x side x 3 uint8, truth N x MOST x 5 float32), from the cache or drawn. A
    row of the truth is class, x0, y0, x1, y1 in shares of the picture; rows of -1 are empty."""
    count, side, _ = SPLITS[split]
    path = pathlib.Path(cache) / f"{split}_{side}_{SEED}_{count}"
    pictures_path, truth_path = path.with_suffix(".npy"), path.with_suffix(".boxes.npy")
    if not truth_path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (count, side, side, 3)
        pictures = numpy.lib.format.open_memmap(pictures_path, "w+", numpy.uint8, shape)
        truth = numpy.empty((count, MOST, 5), numpy.float32)
        with multiprocessing.Pool(processes) as pool:
            jobs = [(split, i) for i in range(count)]
            for i, (picture, rows) in enumerate(pool.imap(_one, jobs, chunksize=20)):
                pictures[i], truth[i] = picture, rows
        pictures.flush()
        numpy.save(truth_path, truth)
    return numpy.load(pictures_path, mmap_mode="r"), numpy.load(truth_path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", default="/tmp/kinglet-demo-detector")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--splits", nargs="*", default=["train", "validation"])
    args = parser.parse_args()
    for split in args.splits:
        pictures, truth = load(split, args.cache, args.processes)
        print(split, pictures.shape, int((truth[..., 0] >= 0).sum()), "things", flush=True)


if __name__ == "__main__":
    main()
