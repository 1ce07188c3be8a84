// Runs one operator with chosen inputs in the blocked layout, as the planner would.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/op/context.h"
#include "kernels/common/blocked.h"

namespace kinglet::test {

// How an operator finds an input: as a tensor in the plain or the blocked layout, or as a constant.
enum class Given { kPlain, kBlocked, kConstant };

struct BlockedResult {
  std::vector<Tensor> outputs;  // plain
  std::vector<Layout> layouts;  // in which the step wrote them
  std::vector<Layout> read;     // in which the step read its inputs
  std::string kernel;
};

class BlockedPlanContext final : public PlainPlanContext {
 public:
  BlockedPlanContext(const Node& node, const NodeStates& states, std::vector<Given> given)
      : PlainPlanContext(node, states),
        read(given.size(), Layout::kPlain),
        written(states.outputs.size(), Layout::kPlain),
        given_(std::move(given)) {}
  bool IsBlocked(std::size_t i) const override { return given_[i] == Given::kBlocked; }
  void ReadAs(std::size_t i, TensorDesc desc) override { read[i] = desc.layout; }
  void WriteAs(std::size_t i, TensorDesc desc) override { written[i] = desc.layout; }

  std::vector<Layout> read;
  std::vector<Layout> written;

 private:
  std::vector<Given> given_;
};

inline Tensor ToBlocked(const Tensor& plain) {
  const Shape& s = plain.shape();
  Tensor blocked(DataType::kFloat32, {s[0], kernels::BlockCount(s[1]), s[2], s[3], 16});
  const float* from = plain.data<float>();
  float* to = blocked.data<float>();
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t c = 0; c < s[1]; ++c)
      for (std::int64_t y = 0; y < s[2]; ++y)
        for (std::int64_t x = 0; x < s[3]; ++x)
          to[kernels::BlockedIndex(n, c, y, x, s[1], s[2], s[3])] = *from++;
  return blocked;
}

// Fails the test when a pad lane is not zero.
inline Tensor FromBlocked(const Tensor& blocked, const Shape& s) {
  Tensor plain(DataType::kFloat32, s);
  const float* from = blocked.data<float>();
  float* to = plain.data<float>();
  const std::int64_t padded = kernels::RoundUpToBlock(s[1]);
  // Channels come before pads, so that `to` walks in plain order.
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t c = 0; c < padded; ++c)
      for (std::int64_t y = 0; y < s[2]; ++y)
        for (std::int64_t x = 0; x < s[3]; ++x) {
          const float value = from[kernels::BlockedIndex(n, c, y, x, s[1], s[2], s[3])];
          if (c < s[1]) {
            *to++ = value;
          } else {
            EXPECT_EQ(value, 0.0f) << "pad lane " << c << " at " << n << ", " << y << ", " << x;
          }
        }
  return plain;
}

// Infers, plans and runs `node`; the units run in three ranges, the last one first, on outputs that
// hold NaN before.
inline BlockedResult EvaluateBlocked(const Node& node, const std::vector<Tensor>& inputs,
                                     const std::vector<Given>& given) {
  std::vector<TensorState> input_states(inputs.size());
  std::vector<TensorState> output_states(node.outputs.size());
  NodeStates states;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    input_states[i] = {inputs[i].type(), inputs[i].shape(), {}};
    if (given[i] == Given::kConstant) input_states[i].known = inputs[i];
    states.inputs.push_back(inputs[i].defined() ? &input_states[i] : nullptr);
  }
  for (TensorState& state : output_states) states.outputs.push_back(&state);
  InferNode(node, states, {});
  BlockedPlanContext context(node, states, given);
  const std::unique_ptr<Step> step = FindOp(node.domain, node.op)->plan(context);

  BlockedResult result;
  result.layouts = context.written;
  result.read = context.read;
  result.kernel = step->kernel;
  std::vector<Tensor> read;
  std::vector<const void*> pointers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool blocked = context.read[i] == Layout::kBlocked;
    read.push_back(blocked ? ToBlocked(inputs[i]) : inputs[i]);
    pointers.push_back(read.back().raw());
  }
  std::vector<Tensor> written;
  std::vector<void*> targets;
  for (std::size_t i = 0; i < output_states.size(); ++i) {
    Shape shape = output_states[i].shape;
    if (context.written[i] == Layout::kBlocked) {
      shape = {shape[0], kernels::BlockCount(shape[1]), shape[2], shape[3], 16};
    }
    written.emplace_back(output_states[i].type, shape);
    if (output_states[i].type == DataType::kFloat32) {
      std::fill_n(written[i].data<float>(), written[i].size(),
                  std::numeric_limits<float>::quiet_NaN());
    }
    targets.push_back(written[i].raw());
  }
  Tensor scratch(DataType::kUInt8, {static_cast<std::int64_t>(step->scratch_bytes) + 64});
  RunStatus status;
  const StepArgs args{pointers.data(), targets.data(), static_cast<std::byte*>(scratch.raw()),
                      &status};
  const std::int64_t third = step->units / 3;
  if (step->units > 0) step->Run(args, 2 * third, step->units);
  if (third > 0) step->Run(args, 0, third);
  if (third > 0) step->Run(args, third, 2 * third);
  EXPECT_TRUE(status.ok()) << status.message();
  for (std::size_t i = 0; i < written.size(); ++i) {
    const bool blocked = context.written[i] == Layout::kBlocked;
    result.outputs.push_back(blocked ? FromBlocked(written[i], output_states[i].shape)
                                     : written[i]);
  }
  return result;
}

}  // namespace kinglet::test
