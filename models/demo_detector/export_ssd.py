"""Writes demo_detector.onnx from a checkpoint of train_ssd.py.

python3 export_ssd.py --checkpoint /tmp/kinglet-demo-detector/detector.pt
"""

import argparse
import pathlib

import torch

import scenes
import ssd

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="/tmp/kinglet-demo-detector/detector.pt")
    parser.add_argument("--output", default=str(HERE / "demo_detector.onnx"))
    args = parser.parse_args()
    model = ssd.Ssd()
    model.load_state_dict(torch.load(args.checkpoint, map_location="cpu"))
    torch.onnx.export(
        model.eval(),
        torch.zeros(1, 3, scenes.SIZE, scenes.SIZE),
        args.output,
        opset_version=13,
        input_names=["input"],
        output_names=["box_encodings", "scores"],
        dynamic_axes={name: {0: "N"} for name in ("input", "box_encodings", "scores")},
        dynamo=False,
    )


if __name__ == "__main__":
    main()
