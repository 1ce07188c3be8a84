// What passes ask about the nodes behind a value, in a graph that they do not change meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/graph/ir.h"

namespace kinglet {

using Ints = std::vector<std::int64_t>;

// The elements of an int64 constant, if it is one.
std::optional<Ints> IntsOf(const GraphIr& graph, ValueId id);

// The node that makes a value, if it is of this operator of ONNX's own domain, or of Kinglet's.
const Node* Maker(const GraphIr& graph, ValueId id, std::string_view op,
                  std::string_view domain = "");

// What a Cast to float32 is made of, or the value itself.
ValueId BehindFloatCast(const GraphIr& graph, ValueId id);

// The axes of a Squeeze or Unsqueeze; none where they are no constants.
Ints SqueezedAxes(const GraphIr& graph, const Node& node);

// x of Unsqueeze(x) along this axis.
std::optional<ValueId> Unsqueezed(const GraphIr& graph, ValueId id, std::int64_t axis);

}  // namespace kinglet
