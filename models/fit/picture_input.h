// What a graph's inputs say about pictures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"
#include "kinglet/preprocess.h"

namespace kinglet {

inline constexpr std::int64_t kLargestSide = 8192;

// The layout of a batch of colour pictures in float32, when the declared shape is one. For
// detectors also of bytes, and of one picture without a batch axis.
std::optional<ImageLayout> PictureLayout(const TensorInfo& input, Task task = Task::kClassify);

// "'data' float32 ?x3x224x224, ..." or "none".
std::string ListTensors(const std::vector<TensorInfo>& infos);

// Index of the height in a shape of this layout and rank (4, or 3 without a batch axis); the width
// comes next.
constexpr std::size_t HeightAxis(ImageLayout layout, std::size_t rank = 4) {
  return (layout == ImageLayout::kNchw ? 2 : 1) + rank - 4;
}

}  // namespace kinglet
