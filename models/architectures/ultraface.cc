// UltraFace RFB-320 (Linzaer, Ultra-Light-Fast-Generic-Face-Detector-1MB, 2019): a narrow MobileNet
// with one receptive field block (Liu et al. 2017, arXiv:1711.07767), four feature maps, 4420
// priors for 320 x 240. Outputs as in the published files without post-processing: "scores",
// probabilities of background and face, and "boxes", encodings.
#include <string>

#include "models/architectures/families.h"
#include "models/architectures/ssd_head.h"

namespace kinglet {
namespace {

ConvSpec Dilated(int channels, int dilation) {
  ConvSpec spec = With(Square(channels, 3), Act::kNone);
  spec.dilation = spec.pad_h = spec.pad_w = dilation;
  return spec;
}

// Three branches that look at ever larger surroundings, joined and added to x.
Feature ReceptiveFieldBlock(NetBuilder& net, const std::string& name, const Feature& x) {
  const int narrow = x.channels / 8;
  const ConvSpec reduce = With(Pointwise(narrow), Act::kNone);
  Feature a = net.Conv(name + "/b0/1x1", x, reduce);
  a = net.Conv(name + "/b0/3x3", a, Square(2 * narrow, 3));
  a = net.Conv(name + "/b0/dilated", a, Dilated(2 * narrow, 2));
  Feature b = net.Conv(name + "/b1/1x1", x, reduce);
  b = net.Conv(name + "/b1/3x3", b, Square(2 * narrow, 3));
  b = net.Conv(name + "/b1/dilated", b, Dilated(2 * narrow, 3));
  Feature c = net.Conv(name + "/b2/1x1", x, reduce);
  c = net.Conv(name + "/b2/3x3_a", c, Square(narrow / 2 * 3, 3));
  c = net.Conv(name + "/b2/3x3_b", c, Square(2 * narrow, 3));
  c = net.Conv(name + "/b2/dilated", c, Dilated(2 * narrow, 5));
  ConvSpec join = With(Pointwise(x.channels), Act::kNone);
  join.gain = 0.7;
  const Feature joined = net.Conv(name + "/join", net.Concat(name + "/concat", {a, b, c}), join);
  const Feature shortcut = net.Conv(name + "/shortcut", x, join);
  return net.Activate(name, net.Add(name + "/add", joined, shortcut), Act::kRelu);
}

}  // namespace

Graph BuildUltraFace(const Architecture& architecture, const BuildOptions& options) {
  struct Block {
    int channels, stride;
  };
  constexpr Block kLayers[] = {{32, 1},  {32, 2},  {32, 1},  {64, 2},  {64, 1}, {64, 1},
                               {128, 2}, {128, 1}, {128, 1}, {256, 2}, {256, 1}};
  NetBuilder net(architecture, options);
  SsdHead head;
  head.act = Act::kRelu;
  head.anchors = {3, 2, 2, 3};
  head.kinds = {HeadKind::kSeparable, HeadKind::kSeparable, HeadKind::kSeparable, HeadKind::kFull};
  Feature x = net.Conv("conv_0", net.input(), Square(16, 3, 2));
  int index = 0;
  for (const Block& block : kLayers) {
    const std::string name = "conv_" + std::to_string(++index);
    x = net.Conv(name + "/depthwise", x, Depthwise(x, 3, block.stride));
    x = net.Conv(name + "/pointwise", x, Pointwise(block.channels));
    if (index == 6) x = ReceptiveFieldBlock(net, "rfb", x);
    if (index == 6 || index == 9 || index == 11) head.maps.push_back(x);
  }
  x = net.Conv("extra/1x1", x, Pointwise(64));
  x = net.Conv("extra/depthwise", x, Depthwise(x, 3, 2));
  head.maps.push_back(net.Conv("extra/pointwise", x, Pointwise(256)));
  const Feature scores =
      net.Softmax("scores/softmax", Predict(net, head, "classes", net.classes()));
  const Feature boxes = Predict(net, head, "boxes/raw", kBoxSize);
  return net.Finish({{"scores", scores, {scores.channels, net.classes()}},
                     {"boxes", boxes, {boxes.channels, kBoxSize}}});
}

}  // namespace kinglet
