// What a graph's inputs say about pictures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kinglet/graph.h"
#include "kinglet/preprocess.h"

namespace kinglet {

inline constexpr std::int64_t kLargestSide = 8192;

// The layout of a batch of colour pictures in float32, when the declared shape is one.
std::optional<ImageLayout> PictureLayout(const TensorInfo& input);

// "'data' float32 ?x3x224x224, ..." or "none".
std::string ListTensors(const std::vector<TensorInfo>& infos);

// Index of the height in a shape of this layout; the width comes next.
constexpr std::size_t HeightAxis(ImageLayout layout) {
  return layout == ImageLayout::kNchw ? 2 : 1;
}

}  // namespace kinglet
