// SSD (Liu et al. 2015, arXiv:1512.02325) on MobileNet V1 and Inception V2, as the TensorFlow
// Object Detection API configures them for COCO (ssd_mobilenet_v1_coco, ssd_inception_v2_coco): six
// feature maps, 3 anchors for each position of the first and 6 of the others, ReLU6 throughout.
// What comes out is raw: box encodings, and logits of the scores, background first.
#include <algorithm>
#include <string>
#include <vector>

#include "models/architectures/backbones.h"
#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

constexpr int kBoxSize = 4;
constexpr int kFirstAnchors = 3;
constexpr int kAnchors = 6;
constexpr int kMinChannels = 16;

// The maps of the backbone, and four more, each half as high and wide as the one before.
std::vector<Feature> FeatureMaps(NetBuilder& net, const Backbone& backbone, double width) {
  constexpr int kExtraChannels[] = {512, 256, 256, 128};
  const auto scaled = [&](int channels) {
    return std::max(kMinChannels, static_cast<int>(channels * width));
  };
  std::vector<Feature> maps = {backbone.fine, backbone.coarse};
  for (const int channels : kExtraChannels) {
    const std::string name = "extra_" + std::to_string(maps.size());
    ConvSpec narrow = Pointwise(scaled(channels / 2));
    ConvSpec halve = Square(scaled(channels), 3, 2);
    narrow.act = halve.act = Act::kRelu6;
    maps.push_back(net.Conv(name + "/3x3", net.Conv(name + "/1x1", maps.back(), narrow), halve));
  }
  return maps;
}

// {N, anchors, size}: what a convolution says about each anchor of each map.
Feature Predict(NetBuilder& net, const std::string& what, const std::vector<Feature>& maps,
                int size, int kernel) {
  std::vector<Feature> parts;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const std::string name = "predictor_" + std::to_string(i) + '/' + what;
    ConvSpec spec = Square((i == 0 ? kFirstAnchors : kAnchors) * size, kernel);
    spec.act = Act::kNone;
    parts.push_back(net.Rows(name + "/rows", net.Conv(name, maps[i], spec), size));
  }
  return net.Concat(what, parts);
}

Graph FinishSsd(NetBuilder& net, const Backbone& backbone, double width, int head_kernel) {
  const std::vector<Feature> maps = FeatureMaps(net, backbone, width);
  const Feature boxes = Predict(net, "boxes", maps, kBoxSize, head_kernel);
  const Feature scores = Predict(net, "classes", maps, net.classes(), head_kernel);
  return net.Finish({{"box_encodings", boxes, {boxes.channels, kBoxSize}},
                     {"scores", scores, {scores.channels, net.classes()}}});
}

}  // namespace

Graph BuildSsdMobileNetV1(const Architecture& architecture, const BuildOptions& options) {
  constexpr int kHeadKernel = 1;
  const double width = architecture.width_multiplier;
  NetBuilder net(architecture, options);
  return FinishSsd(net, MobileNetV1Backbone(net, width, kMinChannels), width, kHeadKernel);
}

Graph BuildSsdInceptionV2(const Architecture& architecture, const BuildOptions& options) {
  constexpr int kHeadKernel = 3;
  NetBuilder net(architecture, options);
  return FinishSsd(net, InceptionV2Backbone(net, Act::kRelu6), 1.0, kHeadKernel);
}

}  // namespace kinglet
