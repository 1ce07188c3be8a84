"""Writes annotations.json and detections.json, made up from a seed, and reference.json: what
pycocotools says about them. The tests compare kinglet's numbers with these.

    python3 make_reference.py      (needs numpy and pycocotools)
"""

import json
import pathlib
import random

import numpy
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = pathlib.Path(__file__).resolve().parent
SEED = 7
# Ids are neither dense nor sorted; nothing is a "kite", and only detections say "ghost".
CATEGORIES = {3: "cat", 1: "dog", 18: "car", 90: "kite", 7: "ghost"}
SIDES = {"small": (4, 31), "medium": (33, 95), "large": (97, 260)}


def random_box(rng):
    low, high = SIDES[rng.choice(list(SIDES))]
    w, h = rng.uniform(low, high), rng.uniform(low, high)
    return [round(v, 1) for v in (rng.uniform(0, 500), rng.uniform(0, 400), w, h)]


def shaken(box, rng, strength):
    x, y, w, h = box
    dx, dy, dw, dh = (rng.gauss(0, strength) for _ in range(4))
    moved = [x + dx * w, y + dy * h, w * max(0.2, 1 + dw), h * max(0.2, 1 + dh)]
    return [round(v, 1) for v in moved]


def make(rng):
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in rng.sample(range(1, 500), 30)]
    truth, found = [], []
    for number, image in enumerate(images):
        if number % 10 == 9:
            continue  # nothing there and nothing found
        for _ in range(0 if number % 10 == 8 else rng.randint(1, 9)):
            box = random_box(rng)
            if rng.random() < 0.05:
                box[2:] = [32.0, 32.0]  # on the border between small and medium
            area = box[2] * box[3] * rng.choice([1.0, 1.0, rng.uniform(0.4, 0.9)])
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": image["id"],
                    "category_id": rng.choice([3, 1, 18]),
                    "bbox": box,
                    "area": round(area, 2),
                    "iscrowd": int(rng.random() < 0.1),
                }
            )
            for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
                other = rng.random() < 0.15
                found.append(
                    {
                        "image_id": image["id"],
                        "category_id": rng.choice(list(CATEGORIES))
                        if other
                        else truth[-1]["category_id"],
                        "bbox": shaken(box, rng, rng.choice([0.01, 0.04, 0.12])),
                        "score": round(rng.random(), 1 if rng.random() < 0.5 else 4),  # many ties
                    }
                )
        for _ in range(rng.randint(0, 3)):  # found where nothing is
            found.append(
                {
                    "image_id": image["id"],
                    "category_id": rng.choice(list(CATEGORIES)),
                    "bbox": random_box(rng),
                    "score": round(rng.random(), 2),
                }
            )
    for _ in range(115):  # more than count
        thing = rng.choice(truth[:4])
        found.append(
            {
                "image_id": truth[0]["image_id"],
                "category_id": truth[0]["category_id"],
                "bbox": shaken(thing["bbox"], rng, 0.2),
                "score": round(rng.random(), 2),
            }
        )
    rng.shuffle(found)
    categories = [{"id": key, "name": name} for key, name in CATEGORIES.items()]
    return {"images": images, "categories": categories, "annotations": truth}, found


def reference():
    truth = COCO(str(HERE / "annotations.json"))
    run = COCOeval(truth, truth.loadRes(str(HERE / "detections.json")), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
    names = ["ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"]
    names += ["ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"]
    numbers = dict(zip(names, map(float, run.stats)))
    each = {}
    for k, category in enumerate(run.params.catIds):
        precision = run.eval["precision"][:, :, k, 0, -1]
        if (precision > -1).any():
            each[str(category)] = float(numpy.mean(precision[precision > -1]))
    return {**numbers, "category_ap": each}


def write(name, value):
    rows = ",\n".join(json.dumps(row) for row in value)
    (HERE / name).write_text(f"[\n{rows}\n]\n")


def main():
    annotations, detections = make(random.Random(SEED))
    lists = [
        f'"{key}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for key, rows in annotations.items()
    ]
    (HERE / "annotations.json").write_text("{\n" + ",\n".join(lists) + "\n}\n")
    write("detections.json", detections)
    (HERE / "reference.json").write_text(json.dumps(reference(), indent=2) + "\n")


if __name__ == "__main__":
    main()
