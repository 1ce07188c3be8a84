// ResNet-50 (He et al. 2015, arXiv:1512.03385) in its version 1.5: the stride of a bottleneck is in
// the 3x3 convolution.
#include <string>

#include "models/architectures/backbones.h"
#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

// Both sides of a residual sum together keep the mean square where there is a projection, and add
// a fifth to it where there is none.
constexpr double kBranchGain = 0.45;

ConvSpec Linear(ConvSpec spec, double gain) {
  spec.act = Act::kNone;
  spec.gain = gain;
  return spec;
}

Feature Bottleneck(NetBuilder& net, const std::string& name, const Feature& x, int channels,
                   int stride) {
  const int outputs = 4 * channels;
  Feature y = net.Conv(name + "/conv_1", x, Pointwise(channels));
  y = net.Conv(name + "/conv_2", y, Square(channels, 3, stride));
  y = net.Conv(name + "/conv_3", y, Linear(Pointwise(outputs), kBranchGain));
  Feature shortcut = x;
  if (stride != 1 || x.channels != outputs) {
    shortcut = net.Conv(name + "/shortcut", x, Linear(Square(outputs, 1, stride), 1.0));
  }
  return net.Activate(name, net.Add(name + "/add", y, shortcut), Act::kRelu);
}

struct Stage {
  int number, channels, blocks;
};

Feature BuildStage(NetBuilder& net, Feature x, const Stage& stage, int stride) {
  const std::string name = "stage_" + std::to_string(stage.number);
  for (int block = 0; block < stage.blocks; ++block) {
    x = Bottleneck(net, name + "/block_" + std::to_string(block + 1), x, stage.channels,
                   block == 0 ? stride : 1);
  }
  return x;
}

}  // namespace

Feature ResNet50Body(NetBuilder& net) {
  Feature x = net.Conv("conv_1", net.input(), Square(64, 7, 2));
  x = net.MaxPool("pool_1", x, {.kernel = 3, .stride = 2, .pad = 1});
  x = BuildStage(net, x, {1, 64, 3}, 1);
  x = BuildStage(net, x, {2, 128, 4}, 2);
  return BuildStage(net, x, {3, 256, 6}, 2);
}

Feature ResNet50Tail(NetBuilder& net, const Feature& x, int stride) {
  return BuildStage(net, x, {4, 512, 3}, stride);
}

Graph BuildResNet50(const Architecture& architecture, const BuildOptions& options) {
  NetBuilder net(architecture, options);
  return net.FinishWithClassifier(ResNet50Tail(net, ResNet50Body(net), 2));
}

}  // namespace kinglet
