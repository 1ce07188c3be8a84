#!/usr/bin/env python3
"""Runs ONNX detectors by Kinglet and by ONNX Runtime and compares the boxes as sets.

    check_detector.py FILE.onnx ... [--sizes 320x320,300x400] [--threads 1,2] [--kinglet PROGRAM]

Needs numpy and onnxruntime (pip) and a built `kinglet`. The outputs are told by their names: boxes,
scores, labels (torchvision) or detection_boxes, detection_scores, detection_classes,
num_detections (TensorFlow). Two detections are the same with the same label, an IoU of at least
0.99 and scores within 1e-3. What lies within 1e-4 of the last score kept, or was kept or dropped by
an IoU within 1e-4 of the threshold of suppression, may be missing on either side: near ties may
change places. Ends with 1 where anything else differs.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

NEAR = 1e-4


def picture(session, height, width, seed):
    tensor, = session.get_inputs()
    rng = np.random.default_rng(seed)
    # Smooth blobs, since noise alone gives a network nothing to tell places apart by.
    coarse = rng.random((height // 16 + 1, width // 16 + 1, 3))
    pixels = np.repeat(np.repeat(coarse, 16, 0), 16, 1)[:height, :width]
    pixels = 0.8 * pixels + 0.2 * rng.random((height, width, 3))
    if tensor.type == "tensor(uint8)":
        return tensor.name, (255 * pixels).astype(np.uint8)[None]
    return tensor.name, np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)


def detections(outputs):
    """[(boxes {n, 4}, scores {n}, labels {n})] for each picture."""
    if "num_detections" in outputs:
        counts = outputs["num_detections"].astype(int)
        return [tuple(outputs[f"detection_{kind}"][i, :count]
                      for kind in ("boxes", "scores", "classes")) for i, count in enumerate(counts)]
    return [tuple(outputs[kind] for kind in ("boxes", "scores", "labels"))]


def iou(box, boxes):
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    inner = np.clip(high - low, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    overlap = inner / np.maximum((box[2:] - box[:2]).prod() + areas - inner, 1e-12)
    # Boxes without an area are the same where their corners are.
    return np.where(np.abs(boxes - box).max(axis=1) <= 1e-3, 1.0, overlap)


def unmatched(ones, others, threshold):
    """Detections of `ones` without a partner among `others` that no near tie explains."""
    boxes, scores, labels = ones
    free = np.ones(len(others[0]), bool)
    last = min(scores.min(initial=np.inf), others[1].min(initial=np.inf))
    bad = []
    for box, score, label in zip(boxes, scores, labels):
        same = free & (others[2] == label) & (np.abs(others[1] - score) <= 1e-3)
        overlaps = np.where(same, iou(box, others[0]), -1)
        if len(overlaps) and overlaps.max() >= 0.99:
            free[overlaps.argmax()] = False
            continue
        rivals = (others[2] == label) & (others[1] >= score - NEAR)
        tie = np.abs(iou(box, others[0]) - threshold)[rivals].min(initial=np.inf) <= NEAR
        if score - last > NEAR and not tie:
            bad.append(f"label {label} score {score:.6f} box {np.round(box, 3)}")
    return bad


def by_kinglet(program, model, name, pixels, names, threads):
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/input.npy", pixels)
        run = subprocess.run([program, "run", model, "--input", f"{name}={folder}/input.npy",
                              "--output-dir", folder, "--threads", str(threads)],
                             capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{model}: kinglet: {run.stderr.strip()}")
        return {output: np.load(f"{folder}/{output}.npy") for output in names}


def check(model, sizes, arguments):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options)
    names = [output.name for output in session.get_outputs()]
    wrong = 0
    for height, width in sizes:
        name, pixels = picture(session, height, width, seed=height + width)
        start = time.perf_counter()
        theirs = detections(dict(zip(names, session.run(names, {name: pixels}))))
        seconds = time.perf_counter() - start
        for threads in arguments.threads:
            ours = detections(by_kinglet(arguments.kinglet, model, name, pixels, names, threads))
            for one, other in zip(ours, theirs):
                bad = unmatched(one, other, arguments.iou) + unmatched(other, one, arguments.iou)
                wrong += bool(bad)
                print(f"{pathlib.Path(model).name} {height}x{width} threads {threads}: "
                      f"{len(one[0])} and {len(other[0])} detections (ONNX Runtime "
                      f"{1000 * seconds:.0f} ms): "
                      + (f"{len(bad)} DIFFER" if bad else "the same"), flush=True)
                for line in bad[:5]:
                    print("   ", line)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+", metavar="FILE.onnx")
    parser.add_argument("--sizes", default="320x320,300x400,480x360", metavar="HxW,HxW")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--iou", type=float, default=0.5, help="threshold of the suppression")
    parser.add_argument("--kinglet", default="build/release/kinglet", metavar="PROGRAM")
    arguments = parser.parse_args()
    arguments.threads = [int(t) for t in arguments.threads.split(",")]
    sizes = [tuple(map(int, size.split("x"))) for size in arguments.sizes.split(",")]
    return 1 if sum([check(model, sizes, arguments) for model in arguments.models]) else 0


if __name__ == "__main__":
    sys.exit(main())
