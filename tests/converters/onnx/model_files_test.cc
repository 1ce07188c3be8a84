// Whole files: the trained models, onnx's light models and the malformed ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "converters/onnx/tensor.h"
#include "engine/graph/ir.h"
#include "kinglet/error.h"
#include "kinglet/onnx.h"
#include "tests/vision/shared_data.h"

namespace kinglet::model_files_test {
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

// The malformed files that the reader itself refuses, and a part of what it says. The others are
// well-formed graphs whose operators or shapes contradict each other: shape inference refuses them.
const std::map<std::string, std::string>& RefusedByReader() {
  static const std::map<std::string, std::string> refused = {
      {"empty.onnx", "empty"},
      {"random_bytes.onnx", "no ONNX model"},
      {"text.onnx", "no ONNX model"},
      {"truncated.onnx", "571 bytes where 344 are left"},
      {"truncated_tag.onnx", "ends in the middle"},
      {"length_beyond_file.onnx", "claims 2147483647 bytes"},
      {"length_varint_overlong.onnx", "longer than 10 bytes"},
      {"bad_wire_type.onnx", "wire type"},
      {"no_graph.onnx", "0 graphs"},
      {"deep_subgraph_200.onnx", "nested deeper than 64"},
      {"deep_subgraph_8000.onnx", "nested deeper than 64"},
      {"unknown_domain.onnx", "'com.example.nowhere'"},
      {"cyclic.onnx", "cycle"},
      {"self_loop.onnx", "cycle"},
      {"duplicate_output.onnx", "'y' is taken"},
      {"duplicate_initializer.onnx", "'w' is taken"},
      {"missing_initializer.onnx", "input 'w'"},
      {"output_never_made.onnx", "'z' is made by no node"},
      {"no_outputs.onnx", "no outputs"},
      {"conv_no_output.onnx", "no output"},
      {"no_opset.onnx", "no operator set"},
      {"opset_9999.onnx", "set 9999 of ONNX; known are 1 to 28"},
      {"short_raw_data.onnx", "100 bytes, expected 432"},
      {"long_raw_data.onnx", "1000 bytes, expected 432"},
      {"odd_raw_data.onnx", "431 bytes, expected 432"},
      {"no_data.onnx", "no data"},
      {"negative_dims.onnx", "negative dimension"},
      {"overflow_dims.onnx", "too many elements"},
      {"overflow_dims_2.onnx", "too many elements"},
      {"huge_dims.onnx", "expected 4398046511104"},
      {"bad_data_type.onnx", "99"},
      {"string_weights.onnx", "strings"},
      {"external_escape.onnx", "outside the model's folder"},
      {"external_absolute.onnx", "relative to the model's folder"},
      {"external_missing.onnx", "No such file"},
      {"external_offset.onnx", "offset 1099511627776"},
      {"external_negative.onnx", "'-1'"},
  };
  return refused;
}

std::vector<std::string> BrokenFiles() {
  std::ifstream cases(testing::SharedData() / "onnx-broken" / "cases.tsv");
  std::vector<std::string> files;
  for (std::string line; std::getline(cases, line);)
    files.push_back(line.substr(0, line.find('\t')));
  return files;
}

TEST(OnnxModelFiles, MalformedFilesGiveOneErrorThatNamesTheFault) {
  KINGLET_NEEDS_SHARED_DATA();
  const std::vector<std::string> files = BrokenFiles();
  EXPECT_GT(files.size(), RefusedByReader().size());
  std::size_t refused = 0;
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    const std::string path = testing::SharedData() / "onnx-broken" / file;
    const auto expected = RefusedByReader().find(file);
    try {
      const Graph graph = ReadOnnx(path);
      EXPECT_EQ(expected, RefusedByReader().end()) << "accepted";
      EXPECT_GT(graph.node_count(), 0u);
    } catch (const Error& error) {
      ++refused;
      const std::string message = error.what();
      ASSERT_NE(expected, RefusedByReader().end()) << message;
      EXPECT_THAT(message, ::testing::HasSubstr(expected->second));
      EXPECT_THAT(message, ::testing::StartsWith(path + ": "));
      EXPECT_EQ(message.find('\n'), std::string::npos);
      EXPECT_TRUE(error.code() == ErrorCode::kInvalidModel ||
                  error.code() == ErrorCode::kUnsupported)
          << ErrorCodeName(error.code());
    }
  }
  EXPECT_EQ(refused, RefusedByReader().size());
}

TEST(OnnxModelFiles, TheLightModelsReferencesAreRead) {
  KINGLET_NEEDS_SHARED_DATA();
  const auto bytes =
      testing::ReadBytes(testing::SharedData() / "onnx-light" / "light_squeezenet_output_0.pb");
  const Tensor output = ReadTensorProto(std::as_bytes(std::span(bytes)));
  EXPECT_EQ(output.type(), DataType::kFloat32);
  EXPECT_EQ(output.size(), 1000);
  float sum = 0;
  for (std::int64_t i = 0; i < output.size(); ++i) sum += output.data<float>()[i];
  EXPECT_NEAR(sum, 1.0f, 1e-3f) << "probabilities";
}

TEST(OnnxModelFiles, MemoryAndFileGiveTheSameGraph) {
  KINGLET_NEEDS_SHARED_DATA();
  const std::string path = testing::SharedData() / "models" / "mobilenet_v1_0.5_160_qdq.onnx";
  const Graph from_file = ReadOnnx(path);
  auto bytes = testing::ReadBytes(path);
  const Graph from_memory = ReadOnnxBytes(std::as_bytes(std::span(bytes)), "memory");
  std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xee});  // the graph must not depend on them
  const std::vector<Value>& values = from_file.ir().values;
  ASSERT_EQ(values.size(), from_memory.ir().values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Value& other = from_memory.ir().values[i];
    ASSERT_EQ(values[i].name, other.name);
    ASSERT_EQ(values[i].constant.bytes(), other.constant.bytes());
    if (values[i].constant.bytes() == 0) continue;
    EXPECT_EQ(std::memcmp(values[i].constant.raw(), other.constant.raw(), other.constant.bytes()),
              0);
  }
}

}  // namespace
}  // namespace kinglet::model_files_test
