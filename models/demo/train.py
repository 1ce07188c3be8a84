"""Trains the demo classifier on the pictures that it draws.

    nice python3 train.py --cache /tmp/kinglet-demo --checkpoint /tmp/kinglet-demo/demo.pt

PyTorch on a CPU; one seed gives the same pictures, weights at the start and order of batches.
"""

import argparse
import copy
import math
import pathlib
import time

import torch
from torch.nn import functional

import dataset
import draw
from network import MobileNetV1

BATCH = 64
PEAK_RATE = 4e-3
WEIGHT_DECAY = 0.03
SMOOTHING = 0.05
AVERAGE = 0.998  # decay of the running average of the weights


def to_input(pictures):
    """uint8 N x H x W x 3 to the network's input."""
    x = pictures.permute(0, 3, 1, 2).float()
    return ((x - 127.5) / 127.5).contiguous(memory_format=torch.channels_last)


def augment(x):
    """Shift, mirror, recolour, cover a patch: cheap changes on top of the drawn ones."""
    n, _, size, _ = x.shape
    reach = size // 12
    padded = functional.pad(x, [reach] * 4, mode="reflect")
    out = torch.empty_like(x, memory_format=torch.channels_last)
    for i in range(n):
        dy, dx = torch.randint(0, 2 * reach + 1, (2,)).tolist()
        one = padded[i, :, dy : dy + size, dx : dx + size]
        if torch.rand(()) < 0.5:
            one = one.flip(2)
        if torch.rand(()) < 0.2:
            one = one[torch.randperm(3)]
        out[i] = one
        if torch.rand(()) < 0.2:
            h, w = torch.randint(size // 12, size // 4, (2,)).tolist()
            y, x0 = torch.randint(0, size - h, ()).item(), torch.randint(0, size - w, ()).item()
            out[i, :, y : y + h, x0 : x0 + w] = torch.rand(3, 1, 1) * 2 - 1
    gain = torch.empty(n, 3, 1, 1).uniform_(0.85, 1.15)
    shift = torch.empty(n, 3, 1, 1).uniform_(-0.12, 0.12)
    return (out * gain + shift).clamp_(-1, 1)


@torch.no_grad()
def predict(model, pictures):
    model.eval()
    parts = [torch.from_numpy(pictures[i : i + 100].copy()) for i in range(0, len(pictures), 100)]
    return torch.cat([model(to_input(part)).argmax(1) for part in parts])


def follow(average, model, decay):
    with torch.no_grad():
        for slow, fast in zip(average.state_dict().values(), model.state_dict().values()):
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - decay)
            else:
                slow.copy_(fast)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", default="/tmp/kinglet-demo")
    parser.add_argument("--checkpoint", default="/tmp/kinglet-demo/demo.pt")
    parser.add_argument("--epochs", type=int, default=16, help="length of the schedule")
    parser.add_argument("--stop-after", type=int, help="epochs to train of that schedule")
    parser.add_argument("--start", help="checkpoint whose weights to start from")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    torch.manual_seed(dataset.SEED)
    torch.set_num_threads(args.threads)
    pictures, labels = dataset.load("train", args.cache, args.threads)
    check, check_labels = dataset.load("validation", args.cache, args.threads)
    labels, check_labels = torch.from_numpy(labels), torch.from_numpy(check_labels)

    model = MobileNetV1(len(draw.LABELS)).to(memory_format=torch.channels_last)
    if args.start:
        model.load_state_dict(torch.load(args.start))
    average = copy.deepcopy(model)
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": decayed, "weight_decay": WEIGHT_DECAY},
        {"params": plain, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=args.rate)
    steps_per_epoch = len(pictures) // BATCH
    total, warm, step = args.epochs * steps_per_epoch, 200, 0
    start = time.time()
    for epoch in range(args.stop_after or args.epochs):
        order = torch.randperm(len(pictures))
        running = 0.0
        model.train()
        for k in range(steps_per_epoch):
            picked = order[k * BATCH : (k + 1) * BATCH].sort().values
            x = augment(to_input(torch.from_numpy(pictures[picked.numpy()])))
            rate = (
                step / warm
                if step < warm
                else 0.5 + 0.5 * math.cos(math.pi * (step - warm) / (total - warm))
            )
            for group in optimizer.param_groups:
                group["lr"] = args.rate * rate + 1e-6
            loss = functional.cross_entropy(model(x), labels[picked], label_smoothing=SMOOTHING)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            follow(average, model, min(AVERAGE, step / (step + 50)))
            running += loss.item()
        right = (predict(average, check) == check_labels).float().mean().item()
        print(
            f"epoch {epoch + 1}/{args.epochs} loss {running / steps_per_epoch:.4f} "
            f"validation {right:.4f} after {time.time() - start:.0f} s",
            flush=True,
        )
        pathlib.Path(args.checkpoint).parent.mkdir(parents=True, exist_ok=True)
        torch.save(average.state_dict(), args.checkpoint)


if __name__ == "__main__":
    main()
