// Networks without their classifiers, as detectors use them.
#pragma once

#include "models/architectures/builder.h"

namespace kinglet {

// Feature maps of the input's height and width divided by 16 and by 32, rounded up, unless a
// backbone states otherwise.
struct Backbone {
  Feature fine;
  Feature coarse;  // the last one
};

// conv_11/pointwise and conv_13/pointwise; no layer is narrower than `min_channels`.
Backbone MobileNetV1Backbone(NetBuilder& net, double width_multiplier, int min_channels);
// bottleneck_14/expand and conv_last.
Backbone MobileNetV2Backbone(NetBuilder& net, double width_multiplier);
// bottleneck_13/expand and conv_last, with half the usual channels behind the last stride.
Backbone MobileNetV3LargeBackbone(NetBuilder& net, double width_multiplier);

// Squeeze and excite of MobileNet V3: x times factors from 0 to 1 for its channels.
Feature SqueezeExcite(NetBuilder& net, const std::string& name, const Feature& x);

struct VggOptions {
  bool ceil_pools = false;  // maps halve rounded up: SSD's 300 becomes 150, 75, 38, 19
};
// conv_4_3 (the height and width divided by 8) and conv_5_3 (by 16).
Backbone Vgg16Backbone(NetBuilder& net, const VggOptions& options);
// fc_6 and fc_7 on the flattened x.
Feature VggHidden(NetBuilder& net, const Feature& x);

// mixed_4c and mixed_5c, with `act` behind every convolution.
Backbone InceptionV2Backbone(NetBuilder& net, Act act);
// mixed_4e (the height and width divided by 16), and from there to mixed_5c.
Feature InceptionV2Body(NetBuilder& net, Act act);
Feature InceptionV2Tail(NetBuilder& net, const Feature& x, Act act);
// The third stage (the height and width divided by 16), and from there the fourth.
Feature ResNet50Body(NetBuilder& net);
Feature ResNet50Tail(NetBuilder& net, const Feature& x, int stride);

}  // namespace kinglet
