"""Writes the scenes of a split as pictures with COCO annotations, for kinglet evaluate.

    python3 write_dataset.py /tmp/heldout --split heldout
    kinglet evaluate --task detect --dataset /tmp/heldout
"""

import argparse
import json
import multiprocessing
import pathlib

import scenes
from draw import LABELS


def _write(job):
    folder, split, index = job
    picture, things = scenes.scene_of(split, index)
    name = f"{index:05d}.png"
    picture.save(pathlib.Path(folder) / name)
    return name, picture.size, [(label, [float(v) for v in box]) for label, box in things]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--split", choices=scenes.SPLITS, default="heldout")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    folder = pathlib.Path(args.folder)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(args.folder, args.split, i) for i in range(scenes.SPLITS[args.split][0])]
    with multiprocessing.Pool(args.processes) as pool:
        written = pool.map(_write, jobs, chunksize=10)
    images, annotations = [], []
    for number, (name, (width, height), things) in enumerate(written, 1):
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for label, (x0, y0, x1, y1) in things:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": i, "name": name} for i, name in enumerate(LABELS, 1)]
    dataset = {"images": images, "categories": categories, "annotations": annotations}
    (folder / "annotations.json").write_text(json.dumps(dataset) + "\n")
    print(f"{len(images)} pictures, {len(annotations)} things")


if __name__ == "__main__":
    main()
