"""Measures demo.onnx on held-out pictures and on the sample pictures, with ONNX Runtime.

python3 evaluate.py --cache /tmp/kinglet-demo
"""

import argparse
import json
import pathlib

import numpy
import onnxruntime
from PIL import Image

import dataset

HERE = pathlib.Path(__file__).resolve().parent


def scores_of(session, pictures):
    """Scores of N pictures, N x size x size x 3 in 0..255."""
    parts = []
    for i in range(0, len(pictures), 50):
        x = (pictures[i : i + 50].astype(numpy.float32) - 127.5) / 127.5
        parts.append(session.run(["output"], {"input": x.transpose(0, 3, 1, 2)})[0])
    return numpy.concatenate(parts)


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
        scores = scores_of(session, dataset.resize(picture)[None])[0]
        found = labels[scores.argmax()]
        wrong += found != label
        print(
            f"{name}: {found} {scores.max():.3f}{'' if found == label else '  EXPECTED ' + label}"
        )
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", default="/tmp/kinglet-demo")
    parser.add_argument("--model", default=str(HERE / "demo.onnx"))
    parser.add_argument("--samples-only", action="store_true")
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    labels = (HERE / "labels.txt").read_text().split()
    if not args.samples_only:
        for split in ("heldout", "heldout_hard"):
            pictures, truth = dataset.load(split, args.cache)
            report(split, scores_of(session, pictures), truth, labels)
    raise SystemExit(check_samples(session, labels))


if __name__ == "__main__":
    main()
