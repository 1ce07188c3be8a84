"""Writes demo.onnx and labels.txt from a checkpoint of train.py.

python3 export.py --checkpoint /tmp/kinglet-demo/demo.pt
"""

import argparse
import pathlib

import torch
from torch import nn

import dataset
import draw
from network import MobileNetV1

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="/tmp/kinglet-demo/demo.pt")
    parser.add_argument("--output", default=str(HERE / "demo.onnx"))
    args = parser.parse_args()
    model = MobileNetV1(len(draw.LABELS))
    model.load_state_dict(torch.load(args.checkpoint, map_location="cpu"))
    torch.onnx.export(
        nn.Sequential(model, nn.Softmax(dim=1)).eval(),
        torch.zeros(1, 3, dataset.SIZE, dataset.SIZE),
        args.output,
        opset_version=13,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "N"}, "output": {0: "N"}},
    )
    (HERE / "labels.txt").write_text("\n".join(draw.LABELS) + "\n")


if __name__ == "__main__":
    main()
