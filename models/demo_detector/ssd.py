"""SSD (Liu et al. 2015, arXiv:1512.02325) on MobileNet V1 with the separable predictors of SSDLite
(Sandler et al. 2018, arXiv:1801.04381): network, anchors, box coder, loss."""

import math

import torch
from torch import nn
from torch.nn import functional

import scenes  # noqa: F401  (finds ../demo)
from network import MobileNetV1

CLASSES = 16
MAPS = [10, 5, 3, 2]  # rows and columns of the feature maps for an input of 160 x 160
# Side of the square anchors of each map, a share of the picture; the last closes the sequence.
SCALES = [0.17, 0.38, 0.59, 0.8, 1.0]
ASPECTS = [1.0, 2.0, 0.5]
ANCHORS = len(ASPECTS) + 1
VARIANCES = (0.1, 0.1, 0.2, 0.2)
LEARNED = 11  # modules of the backbone up to conv_5: they stay as the classifier has them
FINE = 23  # up to conv_11


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


class Ssd(nn.Module):
    def __init__(self, classes=CLASSES, width=0.25):
        super().__init__()
        self.backbone = MobileNetV1(classes, width).features
        fine, coarse = int(512 * width), int(1024 * width)
        extra = [128, 96]
        self.extras = nn.ModuleList()
        channels = coarse
        for outputs in extra:
            middle = outputs // 2
            self.extras.append(
                nn.Sequential(
                    _conv(channels, middle, 1),
                    _conv(middle, middle, 3, 2, groups=middle),
                    _conv(middle, outputs, 1),
                )
            )
            channels = outputs
        maps = [fine, coarse, *extra]
        self.box_predictors = nn.ModuleList(Predictor(c, 4) for c in maps)
        self.class_predictors = nn.ModuleList(Predictor(c, classes + 1) for c in maps)
        for module in [*self.extras.modules(), *self.box_predictors.modules()]:
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
            x = self.backbone[:LEARNED](x)
        fine = self.backbone[LEARNED:FINE](x)
        maps = [fine, self.backbone[FINE:](fine)]
        for extra in self.extras:
            maps.append(extra(maps[-1]))
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


def loss(encodings, logits, truth, priors):
    """Cross entropy with three hard negatives for each positive, and smooth L1 of the boxes."""
    labels, boxes = match(truth, priors)
    positive = labels > 0
    count = positive.sum().clamp_min(1)
    smooth = functional.smooth_l1_loss(
        encodings[positive], encode(boxes, priors)[positive], reduction="sum", beta=0.5
    )
    entropy = functional.cross_entropy(
        logits.transpose(1, 2), labels.clamp_min(0), reduction="none", label_smoothing=0.02
    )
    negatives = entropy.detach().masked_fill(labels != 0, -1.0)
    rank = negatives.argsort(1, descending=True).argsort(1)
    wanted = (3 * positive.sum(1, keepdim=True)).clamp_min(12)
    chosen = positive | ((rank < wanted) & (labels == 0))
    return (smooth + entropy[chosen].sum()) / count
