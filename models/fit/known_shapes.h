// Shapes that follow from the size of a network's input.
#pragma once

#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"

namespace kinglet {

// The graph's outputs for one picture of this size: with shapes as far as they follow from that of
// its input, and otherwise as they are declared. Never throws for what is wrong in the graph.
std::vector<TensorInfo> OutputsAt(const Graph& graph, const std::string& input, int width,
                                  int height);

}  // namespace kinglet
