#include "engine/ops/batch.h"

#include <algorithm>

namespace kinglet {
namespace {

bool FirstHasBatch(const NodeContext& context, const std::vector<BatchUse>& inputs, bool shaped) {
  if (inputs.empty() || inputs[0] != BatchUse::kImages) return false;
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    if (context.node().fusion.residual && i + 1 == inputs.size()) {
      if (inputs[i] != BatchUse::kImages) return false;
    } else if (inputs[i] != BatchUse::kFree && !(shaped && inputs[i] == BatchUse::kVaries)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool EachImage(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return FirstHasBatch(context, inputs, false);
}

bool EachImageShaped(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return FirstHasBatch(context, inputs, true);
}

bool BroadcastImages(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  std::size_t rank = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (context.HasInput(i)) rank = std::max(rank, context.InputShape(i).size());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!context.HasInput(i)) continue;
    const Shape& shape = context.InputShape(i);
    const bool fits = inputs[i] == BatchUse::kImages
                          ? shape.size() == rank
                          : inputs[i] == BatchUse::kFree && (shape.size() < rank || shape[0] == 1);
    if (!fits) return false;
  }
  return true;
}

bool AllImages(const NodeContext&, const std::vector<BatchUse>& inputs) {
  return std::all_of(inputs.begin(), inputs.end(),
                     [](BatchUse use) { return use == BatchUse::kImages; });
}

}  // namespace kinglet
