// MobileNet V3 large (Howard et al. 2019, arXiv:1905.02244) as SSDLite takes it: the layers behind
// the last stride have half the channels (section 6.3).
#include <string>

#include "models/architectures/backbones.h"
#include "models/architectures/builder.h"

namespace kinglet {
namespace {

constexpr double kV3ResidualGain = 0.5;

struct Block {
  int kernel, expanded, channels, stride;
  bool excite;
  Act act;
};

constexpr Act kRe = Act::kRelu;
constexpr Act kHs = Act::kHardSwish;
constexpr Block kBlocks[] = {
    {3, 16, 16, 1, false, kRe},  {3, 64, 24, 2, false, kRe},  {3, 72, 24, 1, false, kRe},
    {5, 72, 40, 2, true, kRe},   {5, 120, 40, 1, true, kRe},  {5, 120, 40, 1, true, kRe},
    {3, 240, 80, 2, false, kHs}, {3, 200, 80, 1, false, kHs}, {3, 184, 80, 1, false, kHs},
    {3, 184, 80, 1, false, kHs}, {3, 480, 112, 1, true, kHs}, {3, 672, 112, 1, true, kHs},
    {5, 672, 80, 2, true, kHs},  {5, 480, 80, 1, true, kHs},  {5, 480, 80, 1, true, kHs}};

}  // namespace

Feature SqueezeExcite(NetBuilder& net, const std::string& name, const Feature& x) {
  Feature y = net.GlobalAveragePool(name + "/pool", x);
  y = net.Conv(name + "/reduce", y, Pointwise(MakeDivisible(x.channels / 4.0)));
  y = net.Conv(name + "/expand", y, With(Pointwise(x.channels), Act::kNone));
  return net.Mul(name, x, net.HardSigmoid(name + "/gate", y));
}

Backbone MobileNetV3LargeBackbone(NetBuilder& net, double width) {
  constexpr int kFine = 13;
  constexpr int kLast = 480;
  const auto scaled = [&](int channels) { return MakeDivisible(channels * width); };
  Backbone backbone;
  Feature x = net.Conv("conv_0", net.input(), With(Square(scaled(16), 3, 2), kHs));
  int index = 0;
  for (const Block& block : kBlocks) {
    const std::string name = "bottleneck_" + std::to_string(++index);
    Feature y = x;
    if (scaled(block.expanded) != x.channels) {
      y = net.Conv(name + "/expand", y, With(Pointwise(scaled(block.expanded)), block.act));
    }
    if (index == kFine) backbone.fine = y;
    y = net.Conv(name + "/depthwise", y, With(Depthwise(y, block.kernel, block.stride), block.act));
    if (block.excite) y = SqueezeExcite(net, name + "/excite", y);
    ConvSpec project = With(Pointwise(scaled(block.channels)), Act::kNone);
    const bool residual = block.stride == 1 && x.channels == project.channels;
    if (residual) project.gain = kV3ResidualGain;
    y = net.Conv(name + "/project", y, project);
    x = residual ? net.Add(name + "/add", x, y) : y;
  }
  backbone.coarse = net.Conv("conv_last", x, With(Pointwise(scaled(kLast)), kHs));
  return backbone;
}

}  // namespace kinglet
