"""Writes the pictures of a split into a folder for each class, for kinglet evaluate and quantize.

    python3 write_pictures.py /tmp/heldout --split heldout
    kinglet evaluate --task classify --dataset /tmp/heldout
"""

import argparse
import multiprocessing
import pathlib
import random

import dataset
import draw


def _write(job):
    folder, split, label, index, hard = job
    rng = random.Random(dataset.seed_of(split, label, index))
    picture, _ = draw.draw_picture(label, rng, hard)
    picture.save(pathlib.Path(folder) / label / f"{index:05d}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--split", choices=dataset.SPLITS, default="heldout")
    parser.add_argument("--of-each", type=int, help="pictures of each class (default: all)")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    count, hard = dataset.SPLITS[args.split]
    count = min(count, args.of_each or count)
    for label in draw.LABELS:
        (pathlib.Path(args.folder) / label).mkdir(parents=True, exist_ok=True)
    jobs = [(args.folder, args.split, label, i, hard) for label in draw.LABELS for i in range(count)]
    with multiprocessing.Pool(args.processes) as pool:
        pool.map(_write, jobs, chunksize=10)
    print(f"{len(jobs)} pictures")


if __name__ == "__main__":
    main()
