// Subgraphs of nodes in tests.
#pragma once

#include <memory>
#include <utility>

#include "tests/support/graph_builder.h"

namespace kinglet::testing {

// The value in `inside` that stands for `id` of the graph around it.
inline ValueId CaptureOf(GraphBuilder& inside, GraphBuilder& around, ValueId id) {
  for (const Capture& capture : inside.ir().captures) {
    if (capture.outer == id) return capture.inner;
  }
  Value value = around.ir().value(id);
  value.producer = kNoNode;
  const ValueId inner = inside.ir().AddValue(std::move(value));
  inside.ir().captures.push_back({id, inner});
  return inner;
}

// What was built, as an attribute.
inline Attribute Subgraph(GraphBuilder& inside) {
  return std::make_shared<GraphIr>(std::move(inside.ir()));
}

}  // namespace kinglet::testing
