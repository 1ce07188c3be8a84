"""Trains the demo detector on the scenes that scenes.py draws.

    nice python3 train_ssd.py --backbone /tmp/kinglet-demo/demo.pt

PyTorch on a CPU; one seed gives the same scenes, weights at the start and order of batches. The
backbone starts from the demo classifier's checkpoint (../demo/train.py), and its first layers stay as
they are. The running average of the weights is saved after each epoch, so that a training that is
stopped leaves a network behind.
"""

import argparse
import copy
import json
import math
import pathlib
import time

import torch
from torch.nn import functional

import scenes
import ssd
from train import follow, to_input

BATCH = 32
PEAK_RATE = 4e-3
BACKBONE_SHARE = 0.5  # of the rate: the backbone has learned already
WEIGHT_DECAY = 0.03
AVERAGE = 0.998  # decay of the running average of the weights
WARM_STEPS = 150


def _crop():
    """Offset and size, shares of the scene, of a random part of it; seldom more than the scene."""
    zoom = 1.0 if torch.rand(()) < 0.3 else float(torch.empty(()).uniform_(0.7, 1.25))
    w = min(1.4, zoom * math.exp(float(torch.empty(()).uniform_(-0.12, 0.12))))
    h = min(1.4, zoom * math.exp(float(torch.empty(()).uniform_(-0.12, 0.12))))
    x, y = (float(torch.rand(())) * (1 - side) for side in (w, h))
    return x, y, w, h


def augment(pictures, truth, size):
    """Parts of the scenes, enlarged or shrunk, mirrored and recoloured. Things of which less than
    0.45 is left are no longer to be found, and their remains are background."""
    n = len(pictures)
    x = pictures.permute(0, 3, 1, 2).float()
    truth = truth.clone()
    grid = torch.empty(n, size, size, 2)
    steps = (torch.arange(size) + 0.5) / size * 2 - 1
    for i in range(n):
        left, top, w, h = _crop()
        flip = -1.0 if torch.rand(()) < 0.5 else 1.0
        grid[i, :, :, 0] = flip * w * steps + (2 * left + w - 1)
        grid[i, :, :, 1] = (h * steps + (2 * top + h - 1))[:, None]
        boxes = truth[i, :, 1:]
        whole = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        boxes[:, 0::2] = ((boxes[:, 0::2].clamp(left, left + w)) - left) / w
        boxes[:, 1::2] = ((boxes[:, 1::2].clamp(top, top + h)) - top) / h
        if flip < 0:
            boxes[:, 0], boxes[:, 2] = 1 - boxes[:, 2], 1 - boxes[:, 0].clone()
        left_over = (boxes[:, 2:] - boxes[:, :2]).prod(1) * w * h
        truth[i, left_over < 0.45 * whole, 0] = -1
        if torch.rand(()) < 0.2:
            x[i] = x[i][torch.randperm(3)]
    x = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    gain = torch.empty(n, 3, 1, 1).uniform_(0.85, 1.15)
    shift = torch.empty(n, 3, 1, 1).uniform_(-0.12, 0.12)
    x = x.mul_(gain / 127.5).add_(shift - gain).clamp_(-1, 1)
    return x.contiguous(memory_format=torch.channels_last), truth


@torch.no_grad()
def validate(model, pictures, truth, priors):
    """Mean loss on the validation scenes."""
    model.eval()
    total = 0.0
    for i in range(0, len(pictures), 100):
        x = to_input(torch.from_numpy(pictures[i : i + 100].copy()))
        part = torch.from_numpy(truth[i : i + 100])
        total += ssd.loss(*model(x), part, priors).item() * len(part)
    return total / len(pictures)


def start(path):
    model = ssd.Ssd()
    learned = torch.load(path)
    learned = {k[9:]: v for k, v in learned.items() if k.startswith("features.")}
    model.backbone.load_state_dict(learned)
    return model.to(memory_format=torch.channels_last)


def parameter_groups(model, rate):
    fixed = {id(p) for p in model.backbone[: ssd.LEARNED].parameters()}
    groups = []
    for backbone in (True, False):
        for decayed in (True, False):
            chosen = [
                p
                for name, p in model.named_parameters()
                if id(p) not in fixed
                and name.startswith("backbone") == backbone
                and (p.dim() > 1) == decayed
            ]
            peak = rate * (BACKBONE_SHARE if backbone else 1.0)
            decay = WEIGHT_DECAY if decayed else 0.0
            groups.append({"params": chosen, "weight_decay": decay, "peak": peak})
    return groups


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", default="/tmp/kinglet-demo-detector")
    parser.add_argument("--checkpoint", default="/tmp/kinglet-demo-detector/detector.pt")
    parser.add_argument("--backbone", default="/tmp/kinglet-demo/demo.pt")
    parser.add_argument("--start", help="checkpoint of this script to train further")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument(
        "--hold", action="store_true", help="the peak rate to the end; finish with a second run"
    )
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.manual_seed(scenes.SEED)
    torch.set_num_threads(args.threads)
    pictures, truth = scenes.load("train", args.cache, args.threads)
    check, check_truth = scenes.load("validation", args.cache, args.threads)
    truth = torch.from_numpy(truth)
    priors = ssd.anchors()
    model = start(args.backbone)
    if args.start:
        model.load_state_dict(torch.load(args.start))
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(parameter_groups(model, args.rate))
    steps_per_epoch = len(truth) // BATCH
    total, step, begin = args.epochs * steps_per_epoch, 0, time.time()
    for epoch in range(args.epochs):
        order = torch.randperm(len(truth))
        running = 0.0
        model.train()
        for k in range(steps_per_epoch):
            picked = order[k * BATCH : (k + 1) * BATCH].sort().values
            batch = torch.from_numpy(pictures[picked.numpy()])
            x, wanted = augment(batch, truth[picked], scenes.SIZE)
            share = min(1.0, step / WARM_STEPS)
            if not args.hold:
                share *= 0.5 + 0.5 * math.cos(math.pi * step / total)
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share + 1e-6
            value = ssd.loss(*model(x), wanted, priors)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            step += 1
            follow(average, model, min(AVERAGE, step / (step + 50)))
            running += value.item()
        report = {
            "epoch": epoch + 1,
            "loss": round(running / steps_per_epoch, 4),
            "validation": round(validate(average, check, check_truth, priors), 4),
            "seconds": round(time.time() - begin),
        }
        print(json.dumps(report), flush=True)
        pathlib.Path(args.checkpoint).parent.mkdir(parents=True, exist_ok=True)
        torch.save(average.state_dict(), args.checkpoint)


if __name__ == "__main__":
    main()
