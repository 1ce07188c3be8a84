// What a graph applies to an output behind its last layer with weights.
#pragma once

#include <string>

#include "kinglet/graph.h"

namespace kinglet {

struct GraphTail {
  bool softmax = false;
  bool sigmoid = false;
  bool exp = false;
  bool sub = false;
  bool nms = false;  // in a subgraph too
  bool top = false;  // the best of many are chosen

  bool probabilities() const { return softmax || sigmoid; }
};

// Operators between the output of this name and the convolutions and products that it comes from,
// shape arithmetic left out. Nothing when there is no such output.
GraphTail LookAtTail(const Graph& graph, const std::string& output);

}  // namespace kinglet
