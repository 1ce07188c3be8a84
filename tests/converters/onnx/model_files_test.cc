// Whole files: the trained models, onnx's light models and the malformed ones.
#include <gtest/gtest.h>

#include "engine/graph/ir.h"
#include "kinglet/onnx.h"
#include "tests/vision/shared_data.h"

namespace kinglet {
namespace {

struct Expected {
  const char* file;
  std::size_t nodes;  // without Constant nodes
  std::int64_t constants;
  std::size_t inputs;  // without initializers
  std::size_t outputs;
};

// Counted with the onnx Python package.
constexpr Expected kModels[] = {
    {"models/inception_v2_224_w8.onnx", 236, 296, 1, 1},
    {"models/mobilenet_v1_0.25_128.onnx", 58, 111, 1, 1},
    {"models/mobilenet_v1_0.5_160.onnx", 58, 111, 1, 1},
    {"models/mobilenet_v1_0.5_160_qdq.onnx", 176, 285, 1, 1},
    {"models/mobilenet_v1_0.75_192_w8.onnx", 86, 167, 1, 1},
    {"models/mobilenet_v1_1.0_224_w8.onnx", 86, 167, 1, 1},
    {"models/mobilenet_v2_1.0_224.onnx", 101, 177, 1, 1},
    {"models/mobilenet_v2_1.0_224_qdq.onnx", 339, 521, 1, 1},
    {"models/squeezenet_1.0_227.onnx", 66, 52, 1, 1},
    {"models/ssd_lstm_traffic_256_qdq.onnx", 824, 1105, 3, 4},
    {"models/ssd_mobilenet_v1_0.75_300_coco_qdq.onnx", 310, 439, 1, 2},
    {"models/ssd_mobilenet_v1_0.75_300_coco_w8.onnx", 162, 271, 1, 2},
    {"models/tf2_mobilenet_v2_1.0_224_qdq.onnx", 341, 523, 1, 1},
    {"models/version-RFB-320.onnx", 211, 275, 1, 2},
    {"models/version-RFB-320_without_postprocessing.onnx", 193, 268, 1, 2},
    {"models/version-slim-320.onnx", 186, 215, 1, 2},
    {"models/version-slim-320_without_postprocessing.onnx", 168, 208, 1, 2},
    {"onnx-light/light_bvlc_alexnet.onnx", 40, 17, 1, 1},
    {"onnx-light/light_densenet121.onnx", 1746, 848, 1, 1},
    {"onnx-light/light_inception_v1.onnx", 237, 118, 1, 1},
    {"onnx-light/light_inception_v2.onnx", 916, 486, 1, 1},
    {"onnx-light/light_resnet50.onnx", 415, 269, 1, 1},
    {"onnx-light/light_shufflenet.onnx", 446, 281, 1, 1},
    {"onnx-light/light_squeezenet.onnx", 105, 52, 1, 1},
    {"onnx-light/light_vgg19.onnx", 82, 39, 1, 1},
    {"onnx-light/light_zfnet512.onnx", 38, 18, 1, 1},
};

TEST(OnnxModelFiles, RealModelsHaveTheirNodesAndConstants) {
  KINGLET_NEEDS_SHARED_DATA();
  for (const Expected& expected : kModels) {
    SCOPED_TRACE(expected.file);
    const Graph graph = ReadOnnx(testing::SharedData() / expected.file);
    EXPECT_EQ(graph.node_count(), expected.nodes);
    EXPECT_EQ(graph.inputs().size(), expected.inputs);
    EXPECT_EQ(graph.outputs().size(), expected.outputs);
    std::int64_t constants = 0;
    for (const Value& value : graph.ir().values) constants += value.is_constant();
    EXPECT_EQ(constants, expected.constants);
    EXPECT_NO_THROW(CheckGraph(graph.ir()));
  }
}

}  // namespace
}  // namespace kinglet
