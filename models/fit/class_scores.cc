#include "models/fit/class_scores.h"

#include <algorithm>

#include "models/fit/picture_input.h"

namespace kinglet {
namespace {

bool IsFloat(DataType type) {
  return type == DataType::kFloat32 || type == DataType::kFloat16 || type == DataType::kFloat64 ||
         type == DataType::kUndefined;
}

// A box for the picture.
bool IsBox(const TensorInfo& info) {
  return info.has_shape && info.shape.size() == 2 && info.shape[1] == 4 && IsFloat(info.type);
}

}  // namespace

std::string WhyNoClassScores(const std::vector<TensorInfo>& outputs, const std::string& scores) {
  const auto found = std::find_if(outputs.begin(), outputs.end(),
                                  [&](const TensorInfo& info) { return info.name == scores; });
  if (found == outputs.end()) return "there is no output '" + scores + "'";
  const std::string none =
      "output " + ListTensors({*found}) + " is not one score for each class of a picture (1xC)";
  if (!IsFloat(found->type)) return none;
  if (!found->has_shape) return "";
  const Shape& shape = found->shape;
  if (shape.size() < 2 || shape.front() > 1) return none;
  const auto wide =
      std::count_if(shape.begin() + 1, shape.end(), [](std::int64_t size) { return size != 1; });
  if (wide > 1) return none;
  if (outputs.size() == 1) return "";
  // A number for each of many places, or for each box of a picture, beside others.
  const bool places = shape.size() == 3 && shape[1] != 1 && shape[2] == 1;
  if (places) return none + " beside the other outputs";
  for (const TensorInfo& info : outputs) {
    if (info.name != scores && IsBox(info)) {
      return "output " + ListTensors({info}) + " looks like a box beside the scores";
    }
  }
  return "";
}

}  // namespace kinglet
