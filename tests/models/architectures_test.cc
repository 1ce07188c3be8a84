#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "models/anchors/anchors.h"
#include "tests/models/graph_shapes.h"

namespace kinglet::architectures_test {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  Architecture architecture;
  double million_macs;  // published, or counted in graphs that other frameworks exported
  double million_parameters;
  std::int64_t anchors = 0;  // of a detector
  double tolerance = 0.01;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

Architecture Make(const char* family, int resolution, int classes, double width = 1.0,
                  const char* version = "") {
  Architecture architecture;
  architecture.family = family;
  architecture.width_multiplier = width;
  architecture.resolution = resolution;
  architecture.classes = classes;
  architecture.version = version;
  if (architecture.family == "blocks") architecture.blocks = {"conv 8 stride=2", "max_pool"};
  return architecture;
}

Architecture With(Architecture architecture, int height, const char* backbone) {
  architecture.height = height;
  architecture.backbone = backbone;
  return architecture;
}

std::string NameOfCase(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

class ArchitectureTest : public ::testing::TestWithParam<Case> {};

TEST_P(ArchitectureTest, HasTheKnownCostAndSize) {
  const Case& c = GetParam();
  const Graph graph = BuildArchitecture(c.architecture, {.seed = 1, .weights = false});
  const auto count = testing::CountGraph(graph.ir(), 1);
  EXPECT_NEAR(static_cast<double>(count.macs) / 1e6, c.million_macs, c.tolerance * c.million_macs);
  EXPECT_NEAR(static_cast<double>(graph.parameter_count()) / 1e6, c.million_parameters,
              c.tolerance * c.million_parameters);
}

TEST_P(ArchitectureTest, ShapesFitAndTheBatchIsFree) {
  const Case& c = GetParam();
  const Graph graph = BuildArchitecture(c.architecture, {.seed = 1, .weights = false});
  const auto one = testing::CountGraph(graph.ir(), 1);
  const auto three = testing::CountGraph(graph.ir(), 3);
  EXPECT_EQ(three.macs, 3 * one.macs);
  const std::vector<TensorInfo> outputs = graph.outputs();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Shape shape = outputs[i].shape;
    EXPECT_EQ(shape.at(0), -1);
    EXPECT_EQ(outputs[i].symbols.at(0), "N");
    shape[0] = 3;
    EXPECT_EQ(three.shapes.at(graph.ir().outputs[i]), shape);
  }
  const TensorInfo input = graph.inputs().at(0);
  EXPECT_EQ(input.name, "input");
  EXPECT_EQ(input.shape, (Shape{-1, 3, c.architecture.input_height(), c.architecture.resolution}));
  EXPECT_EQ(input.symbols.at(0), "N");
  if (c.anchors > 0) {
    ASSERT_EQ(outputs.size(), 2u);
    const bool face = c.architecture.family == "ultraface";
    const TensorInfo& boxes = outputs[face ? 1 : 0];
    const TensorInfo& scores = outputs[face ? 0 : 1];
    EXPECT_EQ(boxes.name, face ? "boxes" : "box_encodings");
    EXPECT_EQ(boxes.shape, (Shape{-1, c.anchors, 4}));
    EXPECT_EQ(scores.name, "scores");
    EXPECT_EQ(scores.shape, (Shape{-1, c.anchors, c.architecture.classes}));
  } else {
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_EQ(outputs[0].name, "output");
    EXPECT_EQ(outputs[0].shape, (Shape{-1, c.architecture.classes}));
  }
}

TEST_P(ArchitectureTest, NamesAreUnique) {
  const Graph graph = BuildArchitecture(GetParam().architecture, {.seed = 1, .weights = false});
  std::set<std::string> names;
  for (const Value& value : graph.ir().values) {
    EXPECT_TRUE(names.insert(value.name).second) << value.name;
  }
  std::set<std::string> nodes;
  for (const Node& node : graph.ir().nodes) {
    EXPECT_TRUE(nodes.insert(node.name).second) << node.name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ArchitectureTest,
    ::testing::Values(
        Case{"mobilenet_v1", Make("mobilenet_v1", 224, 1000), 568.7, 4.21},
        Case{"mobilenet_v1_0.75_192", Make("mobilenet_v1", 192, 1001, 0.75), 239, 2.57},
        Case{"mobilenet_v1_0.5_160", Make("mobilenet_v1", 160, 1001, 0.5), 77, 1.33},
        Case{"mobilenet_v1_0.25_128", Make("mobilenet_v1", 128, 1001, 0.25), 13.7, 0.47},
        Case{"mobilenet_v2", Make("mobilenet_v2", 224, 1000), 300.8, 3.49},
        Case{"mobilenet_v2_1.4", Make("mobilenet_v2", 224, 1001, 1.4), 582, 6.08},
        Case{"inception_v1", Make("inception_v1", 224, 1000), 1498.4, 6.62},
        Case{"inception_v2", Make("inception_v2", 224, 1000), 1934.9, 11.19},
        Case{"inception_v3", Make("inception_v3", 299, 1000), 5713.2, 23.82},
        Case{"squeezenet_1.1", Make("squeezenet", 224, 1000), 349.2, 1.235},
        Case{"squeezenet_1.0", Make("squeezenet", 224, 1000, 1.0, "1.0"), 818.9, 1.248},
        Case{"resnet50", Make("resnet50", 224, 1000), 4089.2, 25.53},
        Case{"ssd_mobilenet_v1", Make("ssd_mobilenet_v1", 300, 91), 1237.1, 6.807, 1917},
        Case{"ssd_mobilenet_v1_0.75", Make("ssd_mobilenet_v1", 300, 91, 0.75), 728.04, 4.101, 1917},
        Case{"ssd_mobilenet_v2", Make("ssd_mobilenet_v2", 300, 91), 1887.5, 16.818, 1917},
        Case{"ssdlite_mobilenet_v2", Make("ssdlite", 300, 91), 762.5, 4.475, 1917, 0.02},
        Case{"ssdlite_mobilenet_v3", With(Make("ssdlite", 320, 91), 0, "mobilenet_v3_large"),
             583.17, 3.424, 3234},
        Case{"ssd_inception_v2", Make("ssd_inception_v2", 300, 91), 4797.9, 25.02, 1917},
        Case{"ssd_vgg16", Make("ssd_vgg16", 300, 91), 34858.2, 35.64, 8732},
        Case{"ultraface", With(Make("ultraface", 320, 2), 240, ""), 100.42, 0.2739, 4420},
        Case{"vgg16", Make("vgg16", 224, 1000), 15470.3, 138.36}),
    NameOfCase);

struct TwoStages {
  const char* backbone;
  int classes;
  double million_macs;  // of a 600 x 600 picture and one proposal
  double million_parameters;
};

// Published for the exported TensorFlow models, and for VGG-16 on Pascal VOC. TensorFlow's ResNet
// has its strides at the end of the stages, and so fewer multiply-adds.
TEST(FasterRcnnTest, HasTheKnownCostAndSize) {
  constexpr TwoStages kCases[] = {
      {"inception_v2", 91, 15343.5, 13.307}, {"resnet50", 91, 0, 29.162}, {"vgg16", 21, 0, 137.08}};
  for (const TwoStages& c : kCases) {
    SCOPED_TRACE(c.backbone);
    const Graph graph = BuildArchitecture(With(Make("faster_rcnn", 600, c.classes), 0, c.backbone),
                                          {.seed = 1, .weights = false});
    const double parameters = static_cast<double>(graph.parameter_count()) / 1e6;
    EXPECT_NEAR(parameters, c.million_parameters, 0.015 * c.million_parameters);
    if (c.million_macs == 0) continue;
    const auto count = testing::CountGraph(graph.ir(), 1, 1);
    EXPECT_NEAR(static_cast<double>(count.macs) / 1e6, c.million_macs, 0.03 * c.million_macs);
  }
}

TEST(FasterRcnnTest, TakesOnePictureAndGivesTheOutputsOfTensorFlow) {
  const Graph graph = BuildArchitecture(With(Make("faster_rcnn", 256, 547), 160, ""),
                                        {.seed = 1, .weights = false});
  EXPECT_EQ(graph.inputs().at(0).shape, (Shape{1, 3, 160, 256}));
  const std::vector<TensorInfo> outputs = graph.outputs();
  ASSERT_EQ(outputs.size(), 4u);
  EXPECT_EQ(outputs[0].name, "detection_boxes");
  EXPECT_EQ(outputs[0].shape, (Shape{1, 100, 4}));
  EXPECT_EQ(outputs[1].name, "detection_scores");
  EXPECT_EQ(outputs[2].name, "detection_classes");
  EXPECT_EQ(outputs[2].shape, (Shape{1, 100}));
  EXPECT_EQ(outputs[3].name, "num_detections");
  EXPECT_EQ(outputs[3].shape, (Shape{1}));
}

TEST(ArchitectureAnchorsTest, DescriptorsMakeAsManyAsTheirNetworksHave) {
  int detectors = 0;
  for (const std::string& name : ListDescriptors()) {
    const Descriptor descriptor = FindDescriptor(name);
    const AnchorSpec& anchors = descriptor.detection.anchors;
    if (descriptor.architecture.family.empty() || anchors.generator == AnchorGenerator::kNone) {
      continue;
    }
    SCOPED_TRACE(name);
    ++detectors;
    const Graph graph = BuildArchitecture(descriptor.architecture, {.seed = 1, .weights = false});
    const PreprocessSpec& input = descriptor.preprocess;
    const auto made = MakeAnchors(anchors, input.width, input.height, descriptor.detection.unit);
    for (const TensorInfo& output : graph.outputs()) {
      EXPECT_EQ(output.shape.at(1), static_cast<std::int64_t>(made.size())) << output.name;
    }
  }
  EXPECT_GE(detectors, 6);
}

// At every size, whatever its remainders.
TEST(ArchitectureAnchorsTest, DescriptorsFitTheirNetworksAtAllSizes) {
  constexpr int kSizes[][2] = {{32, 32},   {33, 47},   {97, 75},   {129, 130}, {160, 200},
                               {223, 301}, {299, 303}, {320, 240}, {400, 96},  {511, 513}};
  for (const std::string& name : ListDescriptors()) {
    Descriptor descriptor = FindDescriptor(name);
    if (descriptor.architecture.family.empty() || !HasAnchors(descriptor.detection.box_coding)) {
      continue;
    }
    for (const auto& [width, height] : kSizes) {
      SCOPED_TRACE(name + ' ' + std::to_string(width) + 'x' + std::to_string(height));
      descriptor.architecture.resolution = width;
      descriptor.architecture.height = height;
      const Graph graph = BuildArchitecture(descriptor.architecture, {.seed = 1, .weights = false});
      const std::size_t made = CountAnchors(descriptor.detection.anchors, width, height);
      for (const TensorInfo& output : graph.outputs()) {
        EXPECT_EQ(output.shape.at(1), static_cast<std::int64_t>(made)) << output.name;
      }
    }
  }
}

const Tensor& Constant(const Graph& graph, const std::string& name) {
  for (const Value& value : graph.ir().values) {
    if (value.name == name) return value.constant;
  }
  throw std::out_of_range(name);
}

TEST(ArchitectureWeightsTest, DependOnSeedAndNameOnly) {
  const Architecture small = Make("mobilenet_v1", 128, 10, 0.25);
  const Graph a = BuildArchitecture(small, {.seed = 7});
  const Graph b = BuildArchitecture(small, {.seed = 7});
  const Graph c = BuildArchitecture(small, {.seed = 8});
  const Graph zero = BuildArchitecture(small, {.seed = 7, .weights = false});
  const std::string name = "conv_3/pointwise.weight";
  const std::size_t bytes = Constant(a, name).bytes();
  EXPECT_EQ(std::memcmp(Constant(a, name).raw(), Constant(b, name).raw(), bytes), 0);
  EXPECT_NE(std::memcmp(Constant(a, name).raw(), Constant(c, name).raw(), bytes), 0);
  const float* zeros = Constant(zero, name).data<float>();
  EXPECT_TRUE(std::all_of(zeros, zeros + Constant(zero, name).size(),
                          [](float value) { return value == 0.0f; }));
}

// The values themselves: a change would make other weights than those on other machines.
TEST(ArchitectureWeightsTest, FirstWeightsArePinned) {
  const Graph graph = BuildArchitecture(Make("mobilenet_v1", 128, 10, 0.25), {.seed = 1});
  const float* weights = Constant(graph, "conv_0.weight").data<float>();
  const float limit = std::sqrt(6.0f / 27.0f);
  EXPECT_FLOAT_EQ(weights[0] / limit, -0.717372775f);
  EXPECT_FLOAT_EQ(weights[1] / limit, -0.587655425f);
  EXPECT_FLOAT_EQ(weights[2] / limit, 0.024873257f);
}

TEST(ArchitectureWeightsTest, AreUniformWithTheVarianceOfHe) {
  const Graph graph = BuildArchitecture(Make("vgg16", 32, 10), {.seed = 3});
  const Tensor& tensor = Constant(graph, "conv_3_2.weight");  // fan-in 256 * 9
  const float* values = tensor.data<float>();
  double sum = 0;
  double squares = 0;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    const double value = static_cast<double>(values[i]);
    sum += value;
    squares += value * value;
  }
  const double n = static_cast<double>(tensor.size());
  const double variance = 2.0 / (256 * 9);
  EXPECT_NEAR(sum / n, 0.0, 5.0 * std::sqrt(variance / n));
  EXPECT_NEAR(squares / n, variance, 0.01 * variance);
}

std::string MessageOf(const Architecture& architecture) {
  try {
    BuildArchitecture(architecture, {.seed = 1, .weights = false});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    return error.what();
  }
  return "no error";
}

TEST(ArchitectureParametersTest, OutOfRangeIsNamed) {
  EXPECT_THAT(MessageOf(Make("alexnet", 224, 1000)),
              ::testing::AllOf(HasSubstr("architecture.family"), HasSubstr("'alexnet'"),
                               HasSubstr("mobilenet_v1, mobilenet_v2")));
  EXPECT_THAT(MessageOf(Make("inception_v3", 64, 1000)),
              ::testing::AllOf(HasSubstr("architecture.resolution"), HasSubstr("75 to 1024")));
  EXPECT_THAT(MessageOf(Make("vgg16", 1000, 1000)), HasSubstr("32 to 320"));
  EXPECT_THAT(MessageOf(Make("resnet50", 224, 0)), HasSubstr("architecture.classes"));
  EXPECT_THAT(MessageOf(Make("resnet50", 224, 1000000)), HasSubstr("1 to 20000"));
  EXPECT_THAT(MessageOf(Make("resnet50", 224, 1000, 0.5)), HasSubstr("width_multiplier"));
  EXPECT_THAT(MessageOf(Make("mobilenet_v2", 224, 1000, 100.0)), HasSubstr("0.1 to 2"));
  EXPECT_THAT(MessageOf(Make("mobilenet_v2", 224, 1000, std::nan(""))), HasSubstr("0.1 to 2"));
  EXPECT_THAT(MessageOf(Make("squeezenet", 224, 1000, 1.0, "2.0")), HasSubstr("'1.1' or '1.0'"));
  EXPECT_THAT(MessageOf(Make("vgg16", 224, 1000, 1.0, "1")), HasSubstr("none for vgg16"));
}

TEST(ArchitectureParametersTest, TheSmallestInputsWork) {
  for (const std::string& family : ListArchitectures()) {
    for (const int resolution : {75, 97, 320}) {
      const Graph graph =
          BuildArchitecture(Make(family.c_str(), resolution, 5), {.seed = 1, .weights = false});
      const bool two_stages = family == "faster_rcnn";
      const auto count = testing::CountGraph(graph.ir(), two_stages ? 1 : 2, two_stages ? 3 : 0);
      for (const auto& [id, shape] : count.shapes) {
        EXPECT_GT(ElementCount(shape), 0) << family << ' ' << graph.ir().value(id).name;
      }
    }
  }
}

}  // namespace
}  // namespace kinglet::architectures_test
