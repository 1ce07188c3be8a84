"""MobileNet V1 (Howard et al. 2017, arXiv:1704.04861) with its width multiplier."""

from torch import nn

# (output channels at width 1, stride) of each depthwise-separable block.
BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
BLOCKS += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]


def _conv(inputs, outputs, kernel, stride, groups=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class MobileNetV1(nn.Module):
    def __init__(self, classes, width=0.25):
        super().__init__()
        channels = int(32 * width)
        layers = [_conv(3, channels, 3, 2)]
        for outputs, stride in BLOCKS:
            outputs = int(outputs * width)
            layers.append(_conv(channels, channels, 3, stride, groups=channels))
            layers.append(_conv(channels, outputs, 1, 1))
            channels = outputs
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.1)
        self.classifier = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x):
        """Logits."""
        return self.classifier(self.drop(self.pool(self.features(x)).flatten(1)))
