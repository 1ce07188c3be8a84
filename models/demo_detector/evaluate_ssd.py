"""Measures demo_detector.onnx on a folder of write_dataset.py and on the sample pictures, with ONNX
Runtime and pycocotools.

python3 evaluate_ssd.py /tmp/heldout
"""

import argparse
import json
import pathlib

import numpy
import onnxruntime
import torch
from PIL import Image

import scenes
import ssd
from draw import LABELS

HERE = pathlib.Path(__file__).resolve().parent
LEAST_SCORE = 0.01
MOST = 100
NMS_IOU = 0.45


def suppress(boxes, scores):
    """Indices of the boxes that stay, best first."""
    order = list(numpy.argsort(-scores, kind="stable"))
    kept = []
    while order:
        best = order.pop(0)
        kept.append(best)
        low = numpy.maximum(boxes[best, :2], boxes[order, :2])
        high = numpy.minimum(boxes[best, 2:], boxes[order, 2:])
        inner = (high - low).clip(0).prod(1)
        areas = (boxes[order, 2:] - boxes[order, :2]).prod(1)
        iou = inner / (areas + (boxes[best, 2:] - boxes[best, :2]).prod() - inner)
        order = [k for k, much in zip(order, iou) if much <= NMS_IOU]
    return kept


def detect(session, priors, picture):
    """[(class, score, box in pixels)] of an RGB picture, best first."""
    x = (scenes.resize(numpy.asarray(picture), scenes.SIZE) - 127.5) / 127.5
    x = x.astype(numpy.float32).transpose(2, 0, 1)[None]
    codes, logits = session.run(["box_encodings", "scores"], {"input": x})
    boxes = ssd.decode(torch.from_numpy(codes[0]), priors).numpy().clip(0, 1)
    boxes = boxes * numpy.array([picture.width, picture.height] * 2)
    scores = torch.from_numpy(logits[0]).softmax(1).numpy()[:, 1:]
    found = []
    for label in range(scores.shape[1]):
        above = numpy.flatnonzero(scores[:, label] > LEAST_SCORE)
        for k in suppress(boxes[above], scores[above, label]):
            found.append((label, float(scores[above[k], label]), boxes[above[k]].tolist()))
    return sorted(found, key=lambda row: -row[1])[:MOST]


def average_precision(folder, session, priors):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO(str(folder / "annotations.json"))
    results = []
    for image in truth.loadImgs(truth.getImgIds()):
        picture = Image.open(folder / image["file_name"]).convert("RGB")
        for label, score, (x0, y0, x1, y1) in detect(session, priors, picture):
            box = [x0, y0, x1 - x0, y1 - y0]
            results.append(
                {
                    "image_id": image["id"],
                    "category_id": label + 1,
                    "bbox": box,
                    "score": score,
                }
            )
    (folder / "detections.json").write_text(json.dumps(results))
    run = COCOeval(truth, truth.loadRes(results), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
    for k, label in enumerate(LABELS):
        precision = run.eval["precision"][:, :, k, 0, -1]
        half = run.eval["precision"][0, :, k, 0, -1]
        print(f"| {label} | {precision.mean():.3f} | {half.mean():.3f} |")


def samples(session, priors):
    for name, expected in json.loads((HERE / "expected.json").read_text()).items():
        picture = Image.open(HERE / "images" / name).convert("RGB")
        found = [row for row in detect(session, priors, picture) if row[1] >= 0.4]
        names = sorted(LABELS[label] for label, _, _ in found)
        print(name, "as expected" if names == expected else f"{names}, EXPECTED {expected}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=pathlib.Path)
    parser.add_argument("--model", default=str(HERE / "demo_detector.onnx"))
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    priors = ssd.anchors()
    for folder in args.folders:
        average_precision(folder, session, priors)
    samples(session, priors)


if __name__ == "__main__":
    main()
