// A network for the tests of sessions.
#pragma once

#include "kinglet/graph.h"
#include "tests/support/graph_builder.h"

namespace kinglet::testing {

// Two convolutions with a residual sum, a pool and a flatten: N x 3 x S x S to N x 20.
inline Graph SmallNet() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 3, -1, -1});
  Attributes same;
  same.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const ValueId w1 = b.Constant(RandomTensor({20, 3, 3, 3}, 2));
  const ValueId b1 = b.Constant(RandomTensor({20}, 3));
  const ValueId y1 = b.Op("Relu", {b.Op("Conv", {x, w1, b1}, same)});
  const ValueId w2 = b.Constant(RandomTensor({20, 20, 3, 3}, 4));
  const ValueId y2 = b.Op("Conv", {y1, w2}, same);
  const ValueId y3 = b.Op("Relu", {b.Op("Add", {y2, y1})});
  b.Output(b.Op("Flatten", {b.Op("GlobalAveragePool", {y3})}), "y");
  return b.Take();
}

// The first n of x's rows through a convolution: how many there are is known when it runs.
inline Graph SliceNet() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 8, 6, 6});
  const ValueId n = b.Input("n", {1}, DataType::kInt64);
  const ValueId part = b.Op("Slice", {x, b.Ints({0}), n, b.Ints({0})});
  Attributes same;
  same.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const ValueId w = b.Constant(RandomTensor({8, 8, 3, 3}, 2));
  b.Output(b.Op("Relu", {b.Op("Add", {b.Op("Conv", {part, w}, same), part})}), "y");
  return b.Take();
}

}  // namespace kinglet::testing
