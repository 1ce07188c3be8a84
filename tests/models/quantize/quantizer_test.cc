// The demo network, quantised by its own pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "kinglet/check.h"
#include "kinglet/error.h"
#include "kinglet/onnx.h"
#include "kinglet/quantize.h"
#include "kinglet/verdict.h"
#include "tests/support/op_runner.h"
#include "tests/support/source_dir.h"

namespace kinglet::quantizer_test {
namespace {

namespace fs = std::filesystem;
using testing::Catch;
using ::testing::HasSubstr;

const PipelineOptions kOneThread = {.threads = 1, .compile = {.use_cache = false}};

std::vector<Image> DemoPictures() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(testing::SourceDir() / "models/demo/images")) {
    if (entry.path().extension() == ".jpg") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::vector<Image> pictures;
  for (const std::string& file : files) pictures.push_back(ReadImage(file));
  return pictures;
}

std::string Temporary(const std::string& name) {
  return (fs::temp_directory_path() / ("kinglet_quantizer_" + name)).string();
}

QuantizedModel QuantizedDemo(QuantizeOptions options) {
  options.pipeline = kOneThread;
  Quantizer quantizer("demo", options);
  for (const Image& picture : DemoPictures()) quantizer.Add(picture);
  return quantizer.Quantize();
}

TEST(Quantizer, TheDemoNetworkKeepsItsAnswers) {
  for (const RangeRule rule :
       {RangeRule::kMinMax, RangeRule::kPercentile, RangeRule::kMse, RangeRule::kEntropy}) {
    SCOPED_TRACE(RangeRuleName(rule));
    const QuantizedModel made = QuantizedDemo({.range = rule});
    const QuantizeReport& report = made.report;
    EXPECT_TRUE(report.within_budget);
    EXPECT_EQ(report.agreement.kind, Agreement::Kind::kClasses);
    EXPECT_GT(report.held_out, 0u);
    EXPECT_EQ(report.agreement.compared, report.held_out);
    EXPECT_EQ(report.agreement.agreeing, report.held_out);
    EXPECT_GT(report.layers.size(), 20u);
    for (const QuantizedLayer& layer : report.layers) {
      EXPECT_GT(layer.signal_to_noise, 15) << layer.name;
      EXPECT_LT(layer.low, layer.high) << layer.name;
    }
  }
}

TEST(Quantizer, TheFileRunsInIntegers) {
  const std::string file = Temporary("demo.onnx");
  const QuantizedModel made = QuantizedDemo({});
  made.Write(file);
  PipelineOptions options = kOneThread;
  options.descriptor = "demo";
  options.compile.precision = Precision::kInt8;
  Classifier quantised(file, options);
  Classifier in_float("demo", kOneThread);
  for (const Image& picture : DemoPictures()) {
    EXPECT_EQ(quantised.Classify(picture, 1)[0].index, in_float.Classify(picture, 1)[0].index);
  }
  EXPECT_THAT(Catch([&] { Quantizer(file, {.pipeline = {.descriptor = "demo"}}); }).message,
              HasSubstr("is quantised already"));
  fs::remove(file);
}

TEST(Quantizer, ReduceRangeKeepsWeightsInSevenBits) {
  const QuantizedModel made = QuantizedDemo({.reduce_range = true});
  const std::string file = Temporary("seven.onnx");
  made.Write(file);
  EXPECT_TRUE(made.report.within_budget);
  EXPECT_GT(fs::file_size(file), 0u);
  fs::remove(file);
}

TEST(Quantizer, TwoPicturesAreTheLeast) {
  Quantizer quantizer("demo", {.pipeline = kOneThread});
  EXPECT_THAT(Catch([&] { quantizer.Quantize(); }).message, HasSubstr("at least two pictures"));
  quantizer.Add(DemoPictures()[0]);
  EXPECT_THAT(Catch([&] { quantizer.Quantize(); }).message, HasSubstr("found 1"));
}

TEST(PrecisionChecker, AutoTakesWhatACheckAllowed) {
  const std::string model = Temporary("checked.onnx");
  const std::string verdicts = Temporary("verdicts.json");
  fs::remove(verdicts);
  QuantizedDemo({}).Write(model);
  PipelineOptions options = kOneThread;
  options.descriptor = "demo";
  PrecisionChecker checker(model, {.pipeline = options, .budget = 0.01});
  EXPECT_THAT(Catch([&] { checker.Save(verdicts); }).message, HasSubstr("found none"));
  for (const Image& picture : DemoPictures()) {
    ASSERT_EQ(checker.Add(picture).size(), 2u);
  }
  EXPECT_EQ(checker.Label(0).empty(), false);
  const std::vector<CheckedPrecision> results = checker.Results();
  ASSERT_EQ(results.size(), 2u);  // nothing of it could be stored as bfloat16
  EXPECT_EQ(results[0].precision, Precision::kFloat32);
  EXPECT_EQ(results[1].precision, Precision::kInt8);
  for (const CheckedPrecision& each : results) {
    EXPECT_GT(each.milliseconds, 0);
    EXPECT_EQ(each.agreement.compared, DemoPictures().size());
    EXPECT_TRUE(each.allowed);
  }
  checker.Save(verdicts);
  const auto kept = FindVerdicts(ReadOnnx(model), verdicts);
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->size(), 2u);
  const Model chosen =
      Model::Compile(ReadOnnx(model), {.precision = Precision::kAuto, .verdict_file = verdicts});
  const Precision fastest = FastestAllowed(*kept);
  EXPECT_EQ(chosen.precision(), fastest == Precision::kInt8 ? Precision::kModel : fastest);
  fs::remove(model);
  fs::remove(verdicts);
}

TEST(PrecisionChecker, AgainstTheFloatModelTheBudgetCounts) {
  const std::string model = Temporary("against.onnx");
  QuantizedDemo({}).Write(model);
  PipelineOptions options = kOneThread;
  options.descriptor = "demo";
  PrecisionChecker checker(model, {.pipeline = options, .budget = 0, .reference = "demo"});
  for (const Image& picture : DemoPictures()) checker.Add(picture);
  for (const CheckedPrecision& each : checker.Results()) {
    EXPECT_GT(each.agreement.largest_difference, 0) << PrecisionName(each.precision);
    EXPECT_EQ(each.allowed, each.agreement.agreeing == each.agreement.compared);
  }
  fs::remove(model);
}

}  // namespace
}  // namespace kinglet::quantizer_test
