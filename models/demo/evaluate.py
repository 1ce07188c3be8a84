"""Measures demo.onnx on held-out pictures and on the sample pictures, with ONNX Runtime.

python3 evaluate.py --cache /tmp/kinglet-demo
python3 evaluate.py --cache /tmp/kinglet-demo --photos FOLDER   # and what is no drawing
"""

import argparse
import json
import pathlib

import numpy
import onnxruntime
from PIL import Image

import dataset
import learn_none

HERE = pathlib.Path(__file__).resolve().parent


def report(split, scores, truth, labels):
    found = scores.argmax(1)
    print(f"\n{split}: {len(truth)} pictures, accuracy {100 * (found == truth).mean():.2f} %")
    top2 = (numpy.argsort(scores, 1)[:, -2:] == truth[:, None]).any(1).mean()
    first = scores.max(1).mean()
    print(f"among the first two {100 * top2:.2f} %, mean score of the first {first:.3f}")
    for k, label in enumerate(labels):
        mine = truth == k
        wrong = numpy.bincount(found[mine & (found != truth)], minlength=len(labels))
        mixed = ", ".join(f"{labels[j]} {wrong[j]}" for j in numpy.argsort(-wrong) if wrong[j])
        print(f"| {label} | {100 * (found[mine] == k).mean():.1f} | {mixed} |")


def check_samples(session, labels):
    wrong = 0
    for name, label in json.loads((HERE / "expected.json").read_text()).items():
        picture = numpy.asarray(Image.open(HERE / "images" / name).convert("RGB"))
        scores = dataset.run(session, dataset.resize(picture)[None])[0]
        found = labels[scores.argmax()]
        wrong += found != label
        print(
            f"{name}: {found} {scores.max():.3f}{'' if found == label else '  EXPECTED ' + label}"
        )
    return wrong


def report_none(session, limit, cache, photos):
    """How many known pictures are rejected, and how many of none of the classes are not."""

    def measures(pictures):
        return dataset.run(session, pictures, "none")[:, 0]

    known = {s: measures(dataset.load(s, cache)[0]) for s in ("heldout", "heldout_hard")}
    for split, found in known.items():
        print(f"\n{split}: {100 * (found > limit).mean():.2f} % rejected at the limit {limit}")
    for split in ("none_heldout", "none_unseen"):
        pictures, kinds = learn_none.load_outliers(split, cache)
        found = measures(pictures)
        for kind in sorted(set(kinds)):
            print(f"| {split} | {kind} | {100 * (found[kinds == kind] <= limit).mean():.1f} % accepted |")
    if photos is None:
        return
    files = sorted(p for p in pathlib.Path(photos).iterdir() if p.is_file())
    found = {}
    for file in files:
        picture = numpy.asarray(Image.open(file).convert("RGB"), numpy.float32)
        found[file.name] = measures(dataset.resize(picture)[None])[0]
        print(f"{file.name}: {found[file.name]:.2f}{'  ACCEPTED' if found[file.name] <= limit else ''}")
    values = numpy.array(list(found.values()))
    for share in (0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1):
        at = learn_none.limit_of(known["heldout"], share)
        print(f"| {100 * share:.1f} % of held-out rejected | {(values <= at).sum()} of {len(values)} accepted |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", default="/tmp/kinglet-demo")
    parser.add_argument("--model", default=str(HERE / "demo.onnx"))
    parser.add_argument("--samples-only", action="store_true")
    parser.add_argument("--photos", help="folder of pictures of none of the classes")
    parser.add_argument("--limit", type=float, help="of the measure `none` (default: demo.json's)")
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    labels = (HERE / "labels.txt").read_text().split()
    if not args.samples_only:
        for split in ("heldout", "heldout_hard"):
            pictures, truth = dataset.load(split, args.cache)
            report(split, dataset.run(session, pictures), truth, labels)
        limit = args.limit
        if limit is None:
            descriptor = json.loads((HERE.parent / "demo.json").read_text())
            limit = descriptor["output"]["rejection"]["limit"]
        report_none(session, limit, args.cache, args.photos)
    raise SystemExit(check_samples(session, labels))


if __name__ == "__main__":
    main()
