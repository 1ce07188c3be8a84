// Runs single operators, also on blocked inputs, for the tests of engine/ops.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/infer/evaluate.h"
#include "engine/op/op.h"
#include "kinglet/error.h"

namespace kinglet::testing {

// A node of the operator, its inputs and outputs numbered.
Node MakeNode(const std::string& op, std::size_t inputs, Attributes attributes = {}, int opset = 17,
              std::size_t outputs = 1, const std::string& domain = "");

struct BlockedResult {
  std::vector<Tensor> outputs;  // plain, whatever the step wrote
  std::vector<bool> blocked;    // what it wrote
  std::string kernel;
};

// Plans the node as if every input of float32 or uint8 and rank 4 lay in the blocked layout, runs
// it in several pieces and returns plain outputs. Checks that the step wrote all of each output,
// and that pad lanes are zero.
BlockedResult RunBlocked(const Node& node, const std::vector<Tensor>& inputs);

// RunBlocked of a node must write output 0 blocked and agree bit by bit with the plain step.
void ExpectBlockedEqualsPlain(const Node& node, const std::vector<Tensor>& inputs);

// 0, 1, 2, ... as elements of the type.
Tensor Iota(DataType type, Shape shape);
// Different finite values, reproducible.
Tensor RandomFloats(Shape shape, std::uint32_t seed = 1);

// Same type, shape and bits; NaN equals NaN.
::testing::AssertionResult SameTensor(const Tensor& expected, const Tensor& actual);
// Largest |expected - actual| is at most atol + rtol * |expected|, for float32 and float64.
::testing::AssertionResult NearTensor(const Tensor& expected, const Tensor& actual, double rtol,
                                      double atol);

// Calls f and returns the code and message of the Error it throws; fails when there is none.
struct Thrown {
  bool thrown = false;
  ErrorCode code = ErrorCode::kIo;
  std::string message;
};
template <typename F>
Thrown Catch(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return {true, error.code(), error.what()};
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

}  // namespace kinglet::testing
