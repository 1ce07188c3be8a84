"""SSD (Liu et al. 2015, arXiv:1512.02325) on MobileNet V1 with the separable predictors of SSDLite
(Sandler et al. 2018, arXiv:1801.04381) and a feature pyramid (Lin et al. 2016, arXiv:1612.03144) for
the two finest maps: network, anchors, box coder, loss."""

import math

import torch
from torch import nn
from torch.nn import functional

import scenes  # noqa: F401  (finds ../demo)
from network import MobileNetV1

CLASSES = 16
MAPS = [20, 10, 5, 3]  # rows and columns of the feature maps for an input of 160 x 160
# Side of the square anchors of each map, a share of the picture; the last closes the sequence.
SCALES = [0.15, 0.28, 0.48, 0.72, 0.98]
ASPECTS = [1.0, 2.0, 0.5]
ANCHORS = len(ASPECTS) + 1
VARIANCES = (0.1, 0.1, 0.2, 0.2)
LEARNED = 11  # modules of the backbone up to conv_5: they stay as the classifier has them
MIDDLE = 23  # up to conv_11
PYRAMID = 80  # channels of the two finest maps


def _conv(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class Predictor(nn.Sequential):
    """What a map says about its anchors: {N, rows * columns * ANCHORS, size}."""

    def __init__(self, channels, size):
        super().__init__(
            _conv(channels, channels, 3, groups=channels),
            nn.Conv2d(channels, ANCHORS * size, 1),
        )
        self.size = size

    def forward(self, x):
        x = super().forward(x)
        return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.size)


def _twice(x):
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Ssd(nn.Module):
    def __init__(self, classes=CLASSES, width=0.25):
        super().__init__()
        self.backbone = MobileNetV1(classes, width).features
        coarse, last = int(1024 * width), 128
        self.lateral = nn.ModuleList(
            _conv(int(c * width), PYRAMID, 1) for c in (256, 512, 1024)
        )
        self.smooth = nn.ModuleList(
            nn.Sequential(_conv(PYRAMID, PYRAMID, 3, groups=PYRAMID), _conv(PYRAMID, PYRAMID, 1))
            for _ in range(2)
        )
        self.extra = nn.Sequential(
            _conv(coarse, last // 2, 1),
            _conv(last // 2, last // 2, 3, 2, groups=last // 2),
            _conv(last // 2, last, 1),
        )
        maps = [PYRAMID, PYRAMID, coarse, last]
        self.box_predictors = nn.ModuleList(Predictor(c, 4) for c in maps)
        self.class_predictors = nn.ModuleList(Predictor(c, classes + 1) for c in maps)
        for part in [self.lateral, self.smooth, self.extra, self.box_predictors]:
            for module in part.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out")
        for predictor in [*self.box_predictors, *self.class_predictors]:
            nn.init.normal_(predictor[1].weight, std=0.03)
            nn.init.zeros_(predictor[1].bias)

    def train(self, mode=True):
        super().train(mode)
        self.backbone[:LEARNED].eval()
        return self

    def forward(self, x):
        """(box encodings {N, anchors, 4}, logits {N, anchors, 1 + classes}, background first)."""
        with torch.no_grad():
            fine = self.backbone[:LEARNED](x)
        middle = self.backbone[LEARNED:MIDDLE](fine)
        coarse = self.backbone[MIDDLE:](middle)
        middle = self.lateral[1](middle) + _twice(self.lateral[2](coarse))
        fine = self.lateral[0](fine) + _twice(middle)
        maps = [self.smooth[0](fine), self.smooth[1](middle), coarse, self.extra(coarse)]
        boxes = [predict(m) for predict, m in zip(self.box_predictors, maps)]
        classes = [predict(m) for predict, m in zip(self.class_predictors, maps)]
        return torch.cat(boxes, 1), torch.cat(classes, 1)


def anchors():
    """{anchors, 4}: centre x, centre y, width, height in shares of the picture. At each position of
    a map one anchor for each aspect ratio, then a square one between this scale and the next."""
    rows = []
    for k, side in enumerate(MAPS):
        shapes = [(SCALES[k] * math.sqrt(a), SCALES[k] / math.sqrt(a)) for a in ASPECTS]
        shapes.append((math.sqrt(SCALES[k] * SCALES[k + 1]),) * 2)
        for y in range(side):
            for x in range(side):
                rows += [((x + 0.5) / side, (y + 0.5) / side, w, h) for w, h in shapes]
    return torch.tensor(rows)


def corners(boxes):
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], -1)


def encode(boxes, priors):
    """Corner boxes as offsets from the anchors (centre-size coder)."""
    size = (boxes[..., 2:] - boxes[..., :2]).clamp_min(1e-4)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    shift = (centre - priors[..., :2]) / priors[..., 2:]
    return torch.cat([shift, (size / priors[..., 2:]).log()], -1) / torch.tensor(VARIANCES)


def decode(encodings, priors):
    e = encodings * torch.tensor(VARIANCES)
    centre = e[..., :2] * priors[..., 2:] + priors[..., :2]
    return corners(torch.cat([centre, e[..., 2:].exp() * priors[..., 2:]], -1))


def overlaps(a, b):
    """Intersection over union of each of {.., A, 4} with each of {.., B, 4}."""
    low = torch.maximum(a[..., :, None, :2], b[..., None, :, :2])
    high = torch.minimum(a[..., :, None, 2:], b[..., None, :, 2:])
    inner = (high - low).clamp_min(0).prod(-1)
    area_a = (a[..., 2:] - a[..., :2]).prod(-1)[..., :, None]
    area_b = (b[..., 2:] - b[..., :2]).prod(-1)[..., None, :]
    return inner / (area_a + area_b - inner).clamp_min(1e-9)


def match(truth, priors, threshold=0.5):
    """Which thing each anchor stands for. truth: {N, M, 5}, class -1 where there is none. Returns
    (classes {N, anchors}, background 0, ignored -1; boxes {N, anchors, 4})."""
    n, most, _ = truth.shape
    real = truth[..., 0] >= 0
    iou = overlaps(corners(priors)[None].expand(n, -1, -1), truth[..., 1:])
    iou = torch.where(real[:, None, :], iou, torch.full_like(iou, -1.0))
    best, which = iou.max(2)
    # Every thing has the anchor that overlaps it most.
    favourite = iou.argmax(1)
    for k in range(most):
        rows = real[:, k].nonzero()[:, 0]
        best[rows, favourite[rows, k]] = 2.0
        which[rows, favourite[rows, k]] = k
    labels = truth[..., 0].long().gather(1, which) + 1
    labels[best < threshold] = -1
    labels[best < threshold - 0.1] = 0
    return labels, truth[..., 1:].gather(1, which[..., None].expand(-1, -1, 4))


def _giou(a, b):
    """Generalised intersection over union of pairs of boxes (Rezatofighi et al. 2019,
    arXiv:1902.09630)."""
    inner = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp_min(0)
    outer = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    inner, outer = inner.prod(1), outer.prod(1).clamp_min(1e-9)
    union = ((a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inner).clamp_min(1e-9)
    return inner / union - (outer - union) / outer


def loss(encodings, logits, truth, priors):
    """Cross entropy with three hard negatives for each positive; smooth L1 of the encodings and
    generalised IoU of the boxes."""
    labels, boxes = match(truth, priors)
    positive = labels > 0
    count = positive.sum().clamp_min(1)
    near = priors[positive.nonzero()[:, 1]]
    found, wanted = encodings[positive], boxes[positive]
    place = functional.smooth_l1_loss(found, encode(wanted, near), reduction="sum", beta=0.5) / 2
    place = place + 2 * (1 - _giou(decode(found, near), wanted)).sum()
    entropy = functional.cross_entropy(
        logits.transpose(1, 2), labels.clamp_min(0), reduction="none", label_smoothing=0.02
    )
    negatives = entropy.detach().masked_fill(labels != 0, -1.0)
    most = (3 * positive.sum(1, keepdim=True)).clamp(12, labels.shape[1])
    hardest = negatives.sort(1, descending=True).values
    chosen = positive | ((negatives >= hardest.gather(1, most - 1)) & (labels == 0))
    return (place + entropy[chosen].sum()) / count
