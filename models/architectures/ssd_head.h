// What turns the feature maps of an SSD (Liu et al. 2015, arXiv:1512.02325) into raw box codes and
// scores for each anchor.
#pragma once

#include <string>
#include <vector>

#include "models/architectures/builder.h"

namespace kinglet {

enum class HeadKind : std::uint8_t {
  kPointwise,  // a 1x1 convolution
  kFull,       // a 3x3 convolution
  kSeparable,  // a depthwise 3x3 convolution with activation, then a 1x1 convolution
};

struct SsdHead {
  std::vector<Feature> maps;
  std::vector<int> anchors;     // at each position of each map
  std::vector<HeadKind> kinds;  // one for each map, or one for all
  Act act = Act::kRelu6;        // of kSeparable
};

inline constexpr int kBoxSize = 4;

// {N, anchors, size}: what a convolution says about each anchor of each map in turn.
Feature Predict(NetBuilder& net, const SsdHead& head, const std::string& what, int size);

// Outputs "box_encodings" {N, anchors, 4} and "scores" {N, anchors, classes}, logits.
Graph FinishSsd(NetBuilder& net, const SsdHead& head);

}  // namespace kinglet
