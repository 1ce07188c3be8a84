// Where the numbers of each anchor lie in the outputs of a detector.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kinglet/detection.h"
#include "kinglet/tensor.h"

namespace kinglet {

// One part (boxes, scores, ...) of an output, of which all pictures lie one behind another. Anchor
// a is number a % boxes of position a / boxes; the offset of its number c is
//   position * position_stride + box * box_stride + c * column_stride.
struct PartPlace {
  std::string output;  // "": there is no such part
  std::int64_t pictures = 0;
  std::int64_t anchors = 0;
  std::int64_t columns = 0;
  std::int64_t boxes = 1;  // anchors of a position
  std::int64_t first = 0;  // element of the first anchor and column
  std::int64_t picture_stride = 0, position_stride = 0, box_stride = 0, column_stride = 0;
  bool batch = false;  // the output has a batch axis

  bool defined() const { return !output.empty(); }
  std::int64_t Offset(std::int64_t picture, std::int64_t anchor) const {
    return first + picture * picture_stride + anchor / boxes * position_stride +
           anchor % boxes * box_stride;
  }
};

struct LevelPlaces {
  PartPlace boxes, scores, objectness, landmarks;
  std::int64_t anchors() const { return boxes.anchors; }
};

// Finds the shape of an output; null where it is not known.
using ShapeOfOutput = std::function<const Shape*(const std::string& name)>;

// The places of all levels. `anchors` are those that the descriptor has for each level, or one
// number for all, or none. Throws Error(kInvalidModel) where outputs do not fit each other. Empty
// when a shape is not known.
std::vector<LevelPlaces> PlaceHeads(const DetectionSpec& spec, const ShapeOfOutput& shape_of,
                                    const std::vector<std::size_t>& anchors);

// Whether boxes and scores are {N, anchors, 4} and {N, anchors, classes} and nothing else, which
// the kernels take as they lie.
bool IsPlainHead(const DetectionSpec& spec);

// Scores of an anchor, the background included; 0 where the shapes do not say.
std::int64_t ScoreColumns(const DetectionSpec& spec, const ShapeOfOutput& shape_of);

// Throw Error(kInvalidModel).
const Tensor& FindOutput(const Tensors& outputs, const std::string& name);
[[noreturn]] void MissingOutput(const std::string& name);
[[noreturn]] void BadOutput(const std::string& name, const std::string& expected,
                            const std::string& found);

}  // namespace kinglet
