// SSD (Liu et al. 2015, arXiv:1512.02325) and SSDLite (Sandler et al. 2018, arXiv:1801.04381) on
// MobileNets and Inception V2, as the TensorFlow Object Detection API configures them for COCO
// (ssd_mobilenet_v1_coco, ssd_mobilenet_v2_coco, ssdlite_mobilenet_v2_coco, ssd_inception_v2_coco)
// and torchvision (ssdlite320_mobilenet_v3_large). What comes out is raw: box encodings, and logits
// of the scores, background first.
#include <algorithm>
#include <string>

#include "models/architectures/backbones.h"
#include "models/architectures/families.h"
#include "models/architectures/ssd_head.h"

namespace kinglet {
namespace {

constexpr int kMinChannels = 16;

// The maps of the backbone, and four more, each half as high and wide as the one before. Separable:
// a depthwise 3x3 convolution and a 1x1 instead of a full 3x3.
std::vector<Feature> FeatureMaps(NetBuilder& net, const Backbone& backbone, double width,
                                 bool separable) {
  constexpr int kExtraChannels[] = {512, 256, 256, 128};
  const auto scaled = [&](int channels) {
    return std::max(kMinChannels, static_cast<int>(channels * width));
  };
  std::vector<Feature> maps = {backbone.fine, backbone.coarse};
  for (const int channels : kExtraChannels) {
    const std::string name = "extra_" + std::to_string(maps.size());
    Feature x =
        net.Conv(name + "/1x1", maps.back(), With(Pointwise(scaled(channels / 2)), Act::kRelu6));
    if (separable) {
      x = net.Conv(name + "/depthwise", x, With(Depthwise(x, 3, 2), Act::kRelu6));
      x = net.Conv(name + "/pointwise", x, With(Pointwise(scaled(channels)), Act::kRelu6));
    } else {
      x = net.Conv(name + "/3x3", x, With(Square(scaled(channels), 3, 2), Act::kRelu6));
    }
    maps.push_back(x);
  }
  return maps;
}

// 3 anchors for each position of the first map and 6 of the others.
std::vector<int> TensorFlowAnchors() { return {3, 6, 6, 6, 6, 6}; }

}  // namespace

Graph BuildSsdMobileNetV1(const Architecture& architecture, const BuildOptions& options) {
  const double width = architecture.width_multiplier;
  NetBuilder net(architecture, options);
  const Backbone backbone = MobileNetV1Backbone(net, width, kMinChannels);
  return FinishSsd(
      net, {FeatureMaps(net, backbone, width, false), TensorFlowAnchors(), {HeadKind::kPointwise}});
}

Graph BuildSsdMobileNetV2(const Architecture& architecture, const BuildOptions& options) {
  const double width = architecture.width_multiplier;
  NetBuilder net(architecture, options);
  const Backbone backbone = MobileNetV2Backbone(net, width);
  return FinishSsd(
      net, {FeatureMaps(net, backbone, width, true), TensorFlowAnchors(), {HeadKind::kFull}});
}

Graph BuildSsdLite(const Architecture& architecture, const BuildOptions& options) {
  const double width = architecture.width_multiplier;
  NetBuilder net(architecture, options);
  if (architecture.backbone == "mobilenet_v3_large") {
    const Backbone backbone = MobileNetV3LargeBackbone(net, width);
    return FinishSsd(
        net, {FeatureMaps(net, backbone, width, true), {6, 6, 6, 6, 6, 6}, {HeadKind::kSeparable}});
  }
  const Backbone backbone = MobileNetV2Backbone(net, width);
  return FinishSsd(
      net, {FeatureMaps(net, backbone, width, true), TensorFlowAnchors(), {HeadKind::kSeparable}});
}

Graph BuildSsdInceptionV2(const Architecture& architecture, const BuildOptions& options) {
  NetBuilder net(architecture, options);
  const Backbone backbone = InceptionV2Backbone(net, Act::kRelu6);
  return FinishSsd(
      net, {FeatureMaps(net, backbone, 1.0, false), TensorFlowAnchors(), {HeadKind::kFull}});
}

}  // namespace kinglet
