// What ImageConv refuses; what it computes is tested with the pass that makes it.
#include <gtest/gtest.h>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::image_conv_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;

struct Parts {
  Shape pixels = {1, 3, 8, 8};
  DataType type = DataType::kFloat32;
  Shape weights = {4, 3, 3, 3};
  std::int64_t bias = 4;
  std::int64_t scale = 3;
  bool weights_constant = true;
};

ErrorCode CodeOf(const Parts& parts) {
  GraphBuilder b;
  const ValueId x = b.Input("x", parts.pixels, parts.type);
  const ValueId w = parts.weights_constant ? b.Constant(RandomTensor(parts.weights, 2))
                                           : b.Input("w", parts.weights);
  const ValueId y = b.Op("ImageConv", {x, w, b.Constant(RandomTensor({parts.bias}, 3)),
                                       b.Constant(RandomTensor({parts.scale}, 4)),
                                       b.Constant(RandomTensor({parts.scale}, 5))});
  b.ir().nodes.back().domain = "kinglet";
  b.ir().nodes.back().opset = 1;
  b.Output(y, "y");
  try {
    const Model model = Model::Compile(b.Take(), {.threads = 1});
    InputShapes shapes = {{"x", parts.pixels}};
    if (!parts.weights_constant) shapes["w"] = parts.weights;
    model.Describe(shapes);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode{-1};
}

TEST(ImageConv, RefusesWhatDoesNotFit) {
  EXPECT_EQ(CodeOf({}), ErrorCode{-1});
  EXPECT_EQ(CodeOf({.pixels = {1, 2, 8, 8}}), ErrorCode::kInvalidModel);
  EXPECT_EQ(CodeOf({.pixels = {1, 3, 8}}), ErrorCode::kInvalidModel);
  EXPECT_EQ(CodeOf({.type = DataType::kInt8}), ErrorCode::kInvalidModel);
  EXPECT_EQ(CodeOf({.weights = {4, 3, 3}}), ErrorCode::kInvalidModel);
  EXPECT_EQ(CodeOf({.bias = 5}), ErrorCode::kInvalidModel);
  EXPECT_EQ(CodeOf({.scale = 1}), ErrorCode::kInvalidModel);
  EXPECT_EQ(CodeOf({.weights_constant = false}), ErrorCode::kUnsupported);
  EXPECT_EQ(CodeOf({.pixels = {1, 5, 8, 8}, .weights = {4, 5, 3, 3}, .scale = 5}),
            ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace kinglet::image_conv_test
