// Shapes and multiply-adds of the graphs that architectures build: written from the operators'
// definitions, apart from the engine and from the builder.
#pragma once

#include <cstdint>
#include <map>

#include "engine/graph/ir.h"

namespace kinglet::testing {

struct GraphCount {
  std::map<ValueId, Shape> shapes;
  std::int64_t macs = 0;            // of Conv and Gemm, for the whole batch
  std::int64_t depthwise_macs = 0;  // of Conv with one input channel in each group
};

// Follows the graph for a batch of `batch` images. Fails the test for an operator that no
// architecture should have, or inputs that do not fit together. With `proposals` (of a second
// stage) other operators are passed over, and `shapes` has no entry for what comes of them.
GraphCount CountGraph(const GraphIr& graph, std::int64_t batch, std::int64_t proposals = 0);

}  // namespace kinglet::testing
