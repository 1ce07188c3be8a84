// Which operators of a graph are computed on codes, and which values share a range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/op/context.h"

namespace kinglet {

// Of a value among what is kept by value.
inline std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }

enum class Role : std::uint8_t {
  kFloat,     // not on codes
  kWeighted,  // Conv, ConvTranspose, Gemm, MatMul with constant weights: a layer
  kMover,     // its results are elements of its input, or between some: one range for both
  kJoin,      // Concat: one range for inputs and output
  kFunction,  // Add, Mul, global means, functions of one value: a range of its own
  kClamp,     // Relu or Clip between one of these and its codes
};

inline constexpr int kNoRange = -1;

// What is behind the last layer, and what no layer waits for, stays in float32.
struct QuantizationPoints {
  std::vector<Role> roles;      // by node
  std::vector<int> range_of;    // by value, kNoRange: no codes
  std::vector<bool> is_source;  // by value: has a range, and is no mover's result
  std::vector<bool> is_answer;  // by range: has results of the last layers
  int ranges = 0;
  // By node, for one picture: of convolutions and products by constants, on codes or not.
  std::vector<std::int64_t> macs;
};

// `states`: of a graph that PrepareToQuantise made. `given_back`: nodes that stay in float32.
QuantizationPoints FindPoints(const GraphIr& graph, const std::vector<TensorState>& states,
                              const std::vector<bool>& given_back);

// The axis of a layer's output channels in its weights; -1 where they have one scale together.
int ChannelAxisOf(const Node& layer, const Shape& weights);

}  // namespace kinglet
