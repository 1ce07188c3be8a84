// Images of codes that become larger: linear Resize and ConvTranspose.
#pragma once

#include <cstddef>

#include "engine/passes/code_graph.h"

namespace kinglet {

// kinglet.QLinearResize in place of a Resize of `from`; false where it is none of the last two of
// four dimensions that is known to be, or not linear.
bool EmitResize(CodeGraph& graph, const Node& resize, const Codes& from, const Codes& to,
                ValueId output);

// A ConvTranspose as a convolution that computes the results between neighbouring inputs as
// channels of their own, which DepthToSpace puts where they belong and Slice cuts to size.
struct TransposedConv {
  CodedWeights weights;  // {M, C, h, w}, M being stride^2 times the channels of the result
  ValueId bias = kNoValue;
  std::int64_t pads[4] = {};  // top, left, bottom, right
  std::int64_t stride = 1;
  std::int64_t begin[2] = {}, end[2] = {};  // rows and columns to cut off
};
// None where that would be no gain, or does not fit. `bias`: in integers, or kNoValue.
std::optional<TransposedConv> AsConv(CodeGraph& graph, const Node& node,
                                     const CodedWeights& weights, ValueId bias);
// `image` behind DepthToSpace and Slice, as `output`.
void EmitUnfolding(CodeGraph& graph, const Node& node, const TransposedConv& conv, ValueId image,
                   DataType type, ValueId output);

}  // namespace kinglet
