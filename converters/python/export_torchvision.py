#!/usr/bin/env python3
"""Writes torchvision's detectors as ONNX files, post-processing inside, with seeded random weights.

    export_torchvision.py --out FOLDER [NAME ...]

Needs torch, torchvision and onnx (pip). The input `image` is {3, height, width} of free size with
values from 0 to 1; the outputs are `boxes` {n, 4} (x1, y1, x2, y2 in pixels), `scores` {n} and
`labels` {n}. Random weights let thousands of boxes pass the thresholds: the hardest case for the
post-processing, and one that needs no download.
"""
import argparse
import os
import pathlib
import sys
import warnings

import torch
import torchvision

# Height and width at which the exporter traces the network (the file takes others as well), and
# torchvision's order of the results.
SCORES_FIRST, LABELS_FIRST = ["boxes", "scores", "labels"], ["boxes", "labels", "scores"]
NETWORKS = {
    "ssdlite320_mobilenet_v3_large": (320, 320, SCORES_FIRST),
    "ssd300_vgg16": (300, 300, SCORES_FIRST),
    "fasterrcnn_mobilenet_v3_large_320_fpn": (320, 320, LABELS_FIRST),
    "fasterrcnn_resnet50_fpn": (480, 640, LABELS_FIRST),
    "retinanet_resnet50_fpn": (480, 640, SCORES_FIRST),
}


def picture(height, width):
    """Patches with some noise: on noise alone the layers behind see the same everywhere, and other
    pictures would then overwhelm the weights that were scaled on it."""
    coarse = torch.rand(1, 3, height // 16 + 1, width // 16 + 1)
    patches = torch.nn.functional.interpolate(coarse, scale_factor=16)[0, :, :height, :width]
    return 0.8 * patches + 0.2 * torch.rand(3, height, width)


def unit_variance(model, image, logits, boxes):
    """Shifts and scales every layer in the order of execution so that its outputs have mean zero
    (where it has a bias) and a mean square of one on this image, and `logits` and `boxes` squared at
    the class and box layers ("layer-sequential
    unit variance", Mishkin and Matas, "All you need is a good init", 2016). Untrained weights
    as they are overflow behind frozen batch norms or put all scores within a per cent."""
    seen = set()

    def wanted(name):
        if "cls_score" in name or "cls_logits" in name or "classification_head.module_list" in name:
            return logits
        if "bbox_" in name or "regression_head.module_list" in name:
            return boxes
        return 1.0

    def scale(name):
        def hook(module, _, output):
            if module in seen or output.numel() < 2:
                return output
            seen.add(module)
            # Each channel around zero, so that no class wins everywhere; not from a few regions of
            # interest, which are too alike to tell what other pictures will bring.
            if module.bias is not None and output.numel() >= 256 * output.shape[1]:
                channels = [1, -1] + [1] * (output.ndim - 2)
                mean = output.mean(dim=[d for d in range(output.ndim) if d != 1])
                module.bias.sub_(mean)
                output = output - mean.view(channels)
            factor = wanted(name) / max(float(output.square().mean().sqrt()), 1e-12)
            module.weight.mul_(factor)
            if module.bias is not None:
                module.bias.mul_(factor)
            return output * factor
        return hook

    hooks = [module.register_forward_hook(scale(name)) for name, module in model.named_modules()
             if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear))]
    with torch.no_grad():
        model([image])
    for hook in hooks:
        hook.remove()


def export(name, seed, logits, path):
    torch.manual_seed(seed)
    model = getattr(torchvision.models.detection, name)(weights=None, weights_backbone=None).eval()
    height, width, outputs = NETWORKS[name]
    image = picture(height, width)
    unit_variance(model, image, logits, boxes=0.3)
    # Traced in the way that torchvision supports (its tests export so): sizes and counts that
    # depend on data stay operators of the graph.
    temporary = path.with_name(path.name + ".part")
    torch.onnx.export(model, ([image],), str(temporary), dynamo=False,
                      opset_version=17, input_names=["image"],
                      output_names=outputs,
                      dynamic_axes={"image": {1: "height", 2: "width"}, "boxes": {0: "n"},
                                    "scores": {0: "n"}, "labels": {0: "n"}})
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="of " + ", ".join(NETWORKS) + " (default: all)")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--logits", type=float, default=2.0,
                        help="standard deviation of the class scores before softmax or sigmoid")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in NETWORKS]
    if unknown:
        parser.error(f"unknown network {unknown[0]}; there are: {', '.join(NETWORKS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    for name in arguments.names or NETWORKS:
        path = arguments.out / f"{name}.onnx"
        export(name, arguments.seed, arguments.logits, path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
