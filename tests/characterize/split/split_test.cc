#include "characterize/split/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "characterize/split/picture.h"
#include "kinglet/error.h"

namespace kinglet::characterize::split_test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

StepInfo NamedStep(const std::string& op, std::int64_t macs = 0) {
  StepInfo step;
  step.op = op;
  step.macs = macs;
  return step;
}

TEST(PartsOf, TheFirstAndTheLastConvolutionAreTheBorders) {
  const std::vector<StepInfo> steps = {
      NamedStep("Reorder"), NamedStep("Mul"),       NamedStep("Conv", 100), NamedStep("Concat"),
      NamedStep("Gemm", 7), NamedStep("Transpose"), NamedStep("Softmax"),   NamedStep("Reorder")};
  const NetworkParts parts = PartsOf(steps, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(parts.before.conversions, 1u);
  EXPECT_EQ(parts.before.operators, 1u);
  EXPECT_EQ(parts.before.ms(), 3000);
  EXPECT_EQ(parts.body.operators, 2u);
  EXPECT_EQ(parts.body.copies, 1u);
  EXPECT_EQ(parts.body.copy_ms, 4000);
  EXPECT_EQ(parts.behind.steps(), 3u);
  EXPECT_EQ(parts.behind.conversion_ms, 8000);
  EXPECT_EQ(PartsOf({NamedStep("Relu")}, {1}).body.operators, 1u);
}

DetectorSplit Split(const std::string& network, int classes) {
  SplitOptions options;
  options.network = network;
  options.classes = classes;
  options.compile.use_cache = false;
  options.budget_seconds = 0.01;
  return SplitDetector(options);
}

TEST(SplitDetector, PartsMakeUpThePostProcessing) {
  const DetectorSplit split = Split("demo_detector", 0);
  EXPECT_EQ(split.classes, 16);
  EXPECT_FALSE(split.made_up);
  for (const double ms : {split.read_ms, split.prepare_ms, split.network_ms, split.answer_ms}) {
    EXPECT_GT(ms, 0);
  }
  EXPECT_NEAR(split.choose_ms + split.decode_ms + split.suppress_ms + split.other_ms,
              split.answer_ms, 1e-9);
  EXPECT_GT(split.parts.body.operators, 10u);
}

TEST(SplitDetector, ClassesAreThoseOfTheNetworkThatIsBuilt) {
  const DetectorSplit split = Split("ssdlite", 3);
  EXPECT_EQ(split.classes, 3);
  EXPECT_TRUE(split.made_up);
  EXPECT_GT(split.detections, 1);
  EXPECT_LE(split.detections, 100);
  EXPECT_EQ(nlohmann::json::parse(SplitJson(split)).at("classes"), 3);
}

TEST(SplitDetector, OnlyDetectorsAreSplit) {
  for (const auto& [network, classes, what] :
       std::vector<std::tuple<std::string, int, std::string>>{
           {"demo", 0, "is no detector"},
           {"mobilenet_v1", 90, "cannot be changed"},
           {"demo_detector", 90, "cannot be changed"}}) {
    try {
      Split(network, classes);
      ADD_FAILURE() << network;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
      EXPECT_THAT(error.what(), HasSubstr(what));
    }
  }
}

TEST(SplitPlot, ABarForEachSplitInBothPanels) {
  DetectorSplit one, two;
  one.network = two.network = "d";
  one.classes = 90;
  two.classes = 546;
  const Plot plot = SplitPlot({one, two});
  ASSERT_THAT(plot.panels, SizeIs(2));
  EXPECT_EQ(plot.panels[0].x.names[1], "d, 546 classes");
  for (const Panel& panel : plot.panels) {
    EXPECT_THAT(panel.series, SizeIs(4));
    for (const Series& series : panel.series) EXPECT_THAT(series.y, SizeIs(2));
  }
}

}  // namespace
}  // namespace kinglet::characterize::split_test
