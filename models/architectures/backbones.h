// Networks without their classifiers, as detectors use them.
#pragma once

#include "models/architectures/builder.h"

namespace kinglet {

// Feature maps of the input's height and width divided by 16 and by 32, rounded up.
struct Backbone {
  Feature fine;
  Feature coarse;  // the last one
};

// conv_11/pointwise and conv_13/pointwise; no layer is narrower than `min_channels`.
Backbone MobileNetV1Backbone(NetBuilder& net, double width_multiplier, int min_channels);
// mixed_4c and mixed_5c, with `act` behind every convolution.
Backbone InceptionV2Backbone(NetBuilder& net, Act act);

}  // namespace kinglet
