#include "tests/models/graph_shapes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace kinglet::testing {
namespace {

// Output size of a window that slides over one axis.
std::int64_t Slide(const Node& node, std::int64_t size, std::int64_t kernel, std::size_t axis) {
  const std::int64_t stride = node.attributes.Ints("strides").at(axis);
  const std::int64_t before = node.attributes.Ints("pads").at(axis);
  const std::int64_t after = node.attributes.Ints("pads").at(axis + 2);
  const std::int64_t dilation = node.attributes.Has("dilations")
                                    ? node.attributes.Ints("dilations").at(axis)
                                    : std::int64_t{1};
  const std::int64_t room = size + before + after - (kernel - 1) * dilation - 1;
  EXPECT_GE(room, 0) << node.name;
  if (node.attributes.Int("ceil_mode", 0) == 0) return room / stride + 1;
  const std::int64_t count = (room + stride - 1) / stride + 1;
  return (count - 1) * stride >= size + before ? count - 1 : count;  // never starts in the padding
}

class Counter {
 public:
  Counter(const GraphIr& graph, std::int64_t batch, std::int64_t proposals)
      : graph_(graph), proposals_(proposals) {
    for (const ValueId id : graph.inputs) {
      Shape shape = graph.value(id).dims;
      shape.at(0) = batch;
      count_.shapes[id] = shape;
    }
  }

  GraphCount Run() {
    for (const Node& node : graph_.nodes) {
      if (proposals_ > 0 && node.op == "RoiAlign") {
        const std::int64_t height = node.attributes.Int("output_height", 0);
        const std::int64_t width = node.attributes.Int("output_width", 0);
        count_.shapes[node.outputs.at(0)] = {proposals_, In(node, 0).at(1), height, width};
      } else if (proposals_ == 0 || Follows(node)) {
        count_.shapes[node.outputs.at(0)] = Infer(node);
      }
    }
    return count_;
  }

 private:
  // Whether a node is part of a network proper, and what it reads is known.
  bool Follows(const Node& node) const {
    constexpr const char* kLayers[] = {"Conv",    "Gemm", "Concat", "MaxPool", "GlobalAveragePool",
                                       "Flatten", "Relu", "Clip",   "Add",     "AveragePool"};
    const bool layer = std::any_of(std::begin(kLayers), std::end(kLayers),
                                   [&](const char* op) { return node.op == op; });
    return layer && std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
             return graph_.value(id).is_constant() || count_.shapes.contains(id);
           });
  }

  Shape In(const Node& node, std::size_t i) {
    const Value& value = graph_.value(node.input(i));
    return value.is_constant() ? value.constant.shape() : count_.shapes.at(node.input(i));
  }

  Shape Conv(const Node& node) {
    const Shape x = In(node, 0);
    const Shape w = In(node, 1);
    const std::int64_t groups = node.attributes.Int("group", 1);
    EXPECT_EQ(x[1], w[1] * groups) << node.name;
    EXPECT_EQ(w[0] % groups, 0) << node.name;
    EXPECT_EQ(In(node, 2), Shape{w[0]}) << node.name;
    EXPECT_EQ(node.attributes.Ints("kernel_shape"), (std::vector<std::int64_t>{w[2], w[3]}));
    const Shape y = {x[0], w[0], Slide(node, x[2], w[2], 0), Slide(node, x[3], w[3], 1)};
    const std::int64_t macs = ElementCount(y) * w[1] * w[2] * w[3];
    count_.macs += macs;
    if (w[1] == 1) count_.depthwise_macs += macs;
    return y;
  }

  Shape Gemm(const Node& node) {
    const Shape x = In(node, 0);
    const Shape w = In(node, 1);
    EXPECT_EQ(x.size(), 2u);
    EXPECT_EQ(node.attributes.Int("transB", 0), 1);
    EXPECT_EQ(x.at(1), w[1]) << node.name;
    count_.macs += x[0] * w[0] * w[1];
    return {x[0], w[0]};
  }

  Shape Concat(const Node& node) {
    Shape y = In(node, 0);
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      Shape x = In(node, i);
      y[1] += x.at(1);
      x[1] = y[1];
      EXPECT_EQ(x, y) << node.name;
    }
    return y;
  }

  Shape Reshape(const Node& node) {  // {0, -1, k}
    const Shape x = In(node, 0);
    const Tensor& sizes = graph_.value(node.input(1)).constant;
    EXPECT_EQ(sizes.shape(), Shape{3});
    const auto* size = sizes.data<std::int64_t>();
    EXPECT_TRUE(size[0] == 0 && size[1] == -1) << node.name;
    EXPECT_EQ(x[3] % size[2], 0) << node.name << " cuts the channels of one position";
    return {x[0], ElementCount(x) / x[0] / size[2], size[2]};
  }

  Shape Broadcast(const Node& node) {
    Shape y = In(node, 0);
    const Shape b = In(node, 1);
    EXPECT_EQ(y.size(), b.size()) << node.name;
    for (std::size_t d = 0; d < y.size(); ++d) {
      EXPECT_TRUE(y[d] == b.at(d) || b[d] == 1) << node.name;
    }
    return y;
  }

  Shape Infer(const Node& node) {
    const Shape x = In(node, 0);
    if (node.op == "Conv") return Conv(node);
    if (node.op == "Gemm") return Gemm(node);
    if (node.op == "Concat") return Concat(node);
    if (node.op == "MaxPool" || node.op == "AveragePool") {
      const auto kernel = node.attributes.Ints("kernel_shape");
      return {x[0], x[1], Slide(node, x[2], kernel.at(0), 0), Slide(node, x[3], kernel.at(1), 1)};
    }
    if (node.op == "GlobalAveragePool") return {x[0], x[1], 1, 1};
    if (node.op == "Flatten") return {x[0], ElementCount(x) / x[0]};
    if (node.op == "Reshape") return Reshape(node);
    if (node.op == "Transpose") {
      EXPECT_EQ(node.attributes.Ints("perm"), (std::vector<std::int64_t>{0, 2, 3, 1}));
      return {x[0], x[2], x[3], x[1]};
    }
    if (node.op == "Mul") return Broadcast(node);
    if (node.op == "Add") {
      EXPECT_EQ(x, In(node, 1)) << node.name;
    } else if (node.op != "Relu" && node.op != "Clip" && node.op != "HardSigmoid" &&
               node.op != "LpNormalization" && node.op != "Softmax") {
      ADD_FAILURE() << "unexpected operator " << node.op;
    }
    return x;
  }

  const GraphIr& graph_;
  std::int64_t proposals_;
  GraphCount count_;
};

}  // namespace

GraphCount CountGraph(const GraphIr& graph, std::int64_t batch, std::int64_t proposals) {
  return Counter(graph, batch, proposals).Run();
}

}  // namespace kinglet::testing
