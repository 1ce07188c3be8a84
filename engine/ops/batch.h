// Which operators treat the images of a batch apart, so that a batch may be cut into parts.
#pragma once

#include <vector>

#include "engine/op/op.h"

namespace kinglet {

// Rules for OpDef::batch_wise. Each is told how the node's inputs depend on the batch.

// Input 0 has the batch (and a fused residual), all others are free of it; what remains to be
// shown, the shapes of the outputs show.
bool EachImage(const NodeContext& context, const std::vector<BatchUse>& inputs);
// The same where further inputs only say what shape the output has.
bool EachImageShaped(const NodeContext& context, const std::vector<BatchUse>& inputs);
// Inputs broadcast to the output as NumPy's do.
bool BroadcastImages(const NodeContext& context, const std::vector<BatchUse>& inputs);
// All inputs have the batch.
bool AllImages(const NodeContext& context, const std::vector<BatchUse>& inputs);
// EachImage, the attribute `axis` (which is `Default` if absent) not being the batch's.
template <int Default>
bool OffBatchAxis(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  const auto rank = static_cast<std::int64_t>(context.InputShape(0).size());
  const std::int64_t axis = context.attributes().Int("axis", Default);
  return EachImage(context, inputs) && axis != 0 && axis != -rank;
}

}  // namespace kinglet
