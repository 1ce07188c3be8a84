// MobileNet V1 (Howard et al. 2017, arXiv:1704.04861) and V2 (Sandler et al. 2018,
// arXiv:1801.04381).
#include <algorithm>
#include <string>

#include "models/architectures/backbones.h"
#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

ConvSpec WithRelu6(const ConvSpec& spec) { return With(spec, Act::kRelu6); }

// The residual sum of inverted bottlenecks would double the mean square with every block.
constexpr double kResidualGain = 0.5;

}  // namespace

Backbone MobileNetV1Backbone(NetBuilder& net, double width_multiplier, int min_channels) {
  struct Block {
    int channels, stride;
  };
  constexpr Block kBlocks[] = {{64, 1},  {128, 2},  {128, 1}, {256, 2}, {256, 1},
                               {512, 2}, {512, 1},  {512, 1}, {512, 1}, {512, 1},
                               {512, 1}, {1024, 2}, {1024, 1}};
  const auto scaled = [&](int channels) {
    return std::max(min_channels, static_cast<int>(channels * width_multiplier));
  };
  constexpr int kFine = 11;
  Backbone backbone;
  Feature x = net.Conv("conv_0", net.input(), WithRelu6(Square(scaled(32), 3, 2)));
  int index = 0;
  for (const Block& block : kBlocks) {
    const std::string name = "conv_" + std::to_string(++index);
    x = net.Conv(name + "/depthwise", x, WithRelu6(Depthwise(x, 3, block.stride)));
    x = net.Conv(name + "/pointwise", x, WithRelu6(Pointwise(scaled(block.channels))));
    if (index == kFine) backbone.fine = x;
  }
  backbone.coarse = x;
  return backbone;
}

Graph BuildMobileNetV1(const Architecture& architecture, const BuildOptions& options) {
  constexpr int kMinChannels = 8;
  NetBuilder net(architecture, options);
  return net.FinishWithClassifier(
      MobileNetV1Backbone(net, architecture.width_multiplier, kMinChannels).coarse);
}

Backbone MobileNetV2Backbone(NetBuilder& net, double width) {
  struct Stage {
    int expansion, channels, blocks, stride;
  };
  constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                               {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  constexpr int kFine = 14;
  Backbone backbone;
  Feature x = net.Conv("conv_0", net.input(), WithRelu6(Square(MakeDivisible(32 * width), 3, 2)));
  int index = 0;
  for (const Stage& stage : kStages) {
    for (int block = 0; block < stage.blocks; ++block) {
      const std::string name = "bottleneck_" + std::to_string(++index);
      const int stride = block == 0 ? stage.stride : 1;
      Feature y = x;
      if (stage.expansion != 1) {
        y = net.Conv(name + "/expand", y, WithRelu6(Pointwise(x.channels * stage.expansion)));
      }
      if (index == kFine) backbone.fine = y;
      y = net.Conv(name + "/depthwise", y, WithRelu6(Depthwise(y, 3, stride)));
      ConvSpec project = With(Pointwise(MakeDivisible(stage.channels * width)), Act::kNone);
      const bool residual = stride == 1 && x.channels == project.channels;
      if (residual) project.gain = kResidualGain;
      y = net.Conv(name + "/project", y, project);
      x = residual ? net.Add(name + "/add", x, y) : y;
    }
  }
  backbone.coarse =
      net.Conv("conv_last", x, WithRelu6(Pointwise(MakeDivisible(1280 * std::max(1.0, width)))));
  return backbone;
}

Graph BuildMobileNetV2(const Architecture& architecture, const BuildOptions& options) {
  NetBuilder net(architecture, options);
  return net.FinishWithClassifier(MobileNetV2Backbone(net, architecture.width_multiplier).coarse);
}

}  // namespace kinglet
