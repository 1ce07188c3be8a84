// What is said of a network before it is prepared is what it then takes.
#include "kinglet/outline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "engine/runtime/bound_plan.h"
#include "engine/runtime/model_impl.h"
#include "kernels/common/activation.h"
#include "kinglet/error.h"
#include "tests/engine/runtime/small_net.h"
#include "tests/support/graph_builder.h"

namespace kinglet::outline_test {
namespace {

using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::RandomTensor;
using testing::SliceNet;
using testing::SmallNet;

CompileOptions Alone(int threads) { return {.threads = threads, .use_cache = false}; }

TEST(Outline, HasTheStepsAndBytesOfTheModel) {
  const Outline outline(SmallNet(), Alone(1));
  for (const int threads : {1, 2, 3}) {
    for (const std::int64_t batch : {1, 2, 7}) {
      const InputShapes shapes = {{"x", {batch, 3, 40, 40}}};
      const OutlinedPlan outlined = outline.At(shapes, threads);
      const Model model = Model::Compile(SmallNet(), Alone(threads));
      Session session = model.NewSession();
      session.Run({{"x", RandomTensor({batch, 3, 40, 40}, 1)}});
      const PlanInfo plan = model.Describe(shapes, threads);
      ASSERT_EQ(outlined.plan.steps.size(), plan.steps.size());
      ASSERT_EQ(outlined.times.size(), plan.steps.size());
      for (std::size_t s = 0; s < plan.steps.size(); ++s) {
        EXPECT_EQ(outlined.plan.steps[s].kernel, plan.steps[s].kernel);
        EXPECT_DOUBLE_EQ(outlined.times[s].total, plan.steps[s].predicted_seconds);
      }
      EXPECT_EQ(outlined.memory.weight_bytes + outlined.memory.packed_bytes, model.weight_bytes());
      EXPECT_EQ(outlined.memory.arena_bytes, plan.arena_bytes);
      EXPECT_EQ(outlined.memory.scratch_bytes, plan.scratch_bytes);
      EXPECT_GE(outlined.memory.session_bytes, plan.arena_bytes + plan.scratch_bytes);
      EXPECT_EQ(outlined.memory.input_bytes, static_cast<std::size_t>(batch) * 3 * 40 * 40 * 4);
      EXPECT_EQ(outlined.memory.output_bytes, static_cast<std::size_t>(batch) * 20 * 4);
    }
  }
}

TEST(Outline, OfAModelFollowsWhatItMeasures) {
  Model model = Model::Compile(SmallNet(), Alone(1));
  const Outline outline(model);
  const InputShapes shapes = {{"x", {1, 3, 40, 40}}};
  TuneOptions once;
  once.repetitions = 1;
  for (int tuned = 0; tuned < 2; ++tuned) {
    const OutlinedPlan outlined = outline.At(shapes, 1);
    const PlanInfo plan = model.Describe(shapes);
    ASSERT_EQ(outlined.plan.steps.size(), plan.steps.size());
    for (std::size_t s = 0; s < plan.steps.size(); ++s) {
      EXPECT_EQ(outlined.plan.steps[s].kernel, plan.steps[s].kernel);
      EXPECT_EQ(outlined.plan.steps[s].predicted_seconds, plan.steps[s].predicted_seconds);
    }
    EXPECT_EQ(outlined.plan.predicted_seconds, plan.predicted_seconds);
    model.Tune(shapes, once);
  }
}

// A depthwise convolution between two others, all with the activation.
Graph ActivatedNet(const char* activation) {
  GraphBuilder b;
  const auto activated = [&](ValueId x) { return b.Op(activation, {x}); };
  const auto conv = [&](ValueId x, std::int64_t in, std::int64_t out, std::int64_t groups) {
    Attributes attributes;
    attributes.Set("group", groups);
    const Tensor weights =
        RandomTensor({out, in / groups, groups == 1 ? 1 : 3, groups == 1 ? 1 : 3}, 2);
    return b.Op("Conv", {x, b.Constant(weights)}, attributes);
  };
  ValueId x = activated(conv(b.Input("x", {-1, 16, 20, 20}), 16, 32, 1));
  x = activated(conv(x, 32, 32, 32));
  b.Output(activated(conv(x, 32, 16, 1)), "y");
  return b.Take();
}

double ActivationsOf(const char* activation, std::int64_t batch) {
  const PlanInfo plan =
      Outline(ActivatedNet(activation), Alone(1)).At({{"x", {batch, 16, 20, 20}}}, 1).plan;
  double count = 0;
  for (const StepInfo& step : plan.steps) {
    for (const WorkInfo::Operations& each : step.work.operations) {
      if (each.kind == "activation") count += each.count;
    }
  }
  return count;
}

TEST(Outline, CountsActivationsThatAreMoreThanAClamp) {
  EXPECT_EQ(ActivationsOf("Relu", 1), 0);
  // Elements of the three outputs.
  constexpr double kElements = 32 * 20 * 20 + 32 * 18 * 18 + 16 * 18 * 18;
  const int each = kernels::ActivationOperations(kernels::Activation::kSigmoid);
  EXPECT_EQ(ActivationsOf("Sigmoid", 1), each * kElements);
  EXPECT_EQ(ActivationsOf("Sigmoid", 3), 3 * each * kElements);
}

TEST(Outline, PartsOfAStepsTimeAreWithinTheWhole) {
  const OutlinedPlan outlined = Outline(SmallNet(), Alone(1)).At({{"x", {1, 3, 64, 64}}}, 2);
  for (const StepTime& time : outlined.times) {
    EXPECT_GT(time.begin, 0.0);
    EXPECT_GE(time.total, time.begin + time.again);
    EXPECT_LE(time.total,
              (time.begin + time.again + time.arithmetic + time.cached + time.memory) * 1.0001);
  }
}

TEST(Outline, WaitsForDataWhereTheModelDoes) {
  const OutlinedPlan outlined =
      Outline(SliceNet(), Alone(1)).At({{"x", {3, 8, 6, 6}}, {"n", {1}}}, 1);
  EXPECT_TRUE(outlined.plan.steps.back().waits);
  EXPECT_EQ(outlined.times.back().total, 0.0);
  EXPECT_EQ(outlined.times.size(), outlined.plan.steps.size());
}

TEST(Outline, FiguresOfAnotherMachineChangeTheTimesAlone) {
  Calibration figures = FiguresOf({.use_cache = false});
  const InputShapes shapes = {{"x", {1, 3, 64, 64}}};
  const OutlinedPlan here = Outline(SmallNet(), Alone(1)).At(shapes, 1);
  const OutlinedPlan same = Outline(SmallNet(), Alone(1)).At(shapes, 1, &figures);
  figures.peaks["float32"]["vector"] *= 2;
  const OutlinedPlan faster = Outline(SmallNet(), Alone(1)).At(shapes, 1, &figures);
  ASSERT_EQ(faster.times.size(), here.times.size());
  for (std::size_t s = 0; s < here.times.size(); ++s) {
    EXPECT_DOUBLE_EQ(same.times[s].total, here.times[s].total);
    EXPECT_DOUBLE_EQ(faster.times[s].arithmetic, here.times[s].arithmetic / 2);
    EXPECT_EQ(faster.plan.steps[s].kernel, here.plan.steps[s].kernel);
  }
}

std::string ForeignError(const std::string& text) {
  const std::string file = ::testing::TempDir() + "kinglet_outline_test.json";
  std::ofstream(file) << text;
  try {
    ReadForeignCalibration(file);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Outline, CalibrationsOfOtherMachinesAreRead) {
  const std::string file = ::testing::TempDir() + "kinglet_outline_calibration.json";
  Calibration figures = FiguresOf({.use_cache = false});
  figures.dram_gbps = 12.5;
  SaveCalibration(figures, file);
  std::string text;
  std::getline(std::ifstream(file), text, '\0');
  const std::size_t at = text.find("\"target\": \"") + 11;
  text.replace(at, text.find('"', at) - at, "made_up");
  std::ofstream(file) << text;
  const ForeignCalibration foreign = ReadForeignCalibration(file);
  EXPECT_EQ(foreign.instruction_set, "made_up");
  EXPECT_EQ(foreign.figures.dram_gbps, 12.5);
  EXPECT_EQ(foreign.figures.peaks, figures.peaks);
}

TEST(Outline, DamagedCalibrationsAreNamed) {
  EXPECT_THAT(ForeignError("{"), HasSubstr("is no calibration file"));
  EXPECT_THAT(ForeignError(R"({"kinglet": "calibration", "format": 99})"), HasSubstr("format"));
  EXPECT_THAT(ForeignError(R"({"kinglet": "calibration", "format": 2, "cpu": 1})"),
              HasSubstr("no text 'cpu'"));
  EXPECT_THAT(ForeignError(R"({"kinglet": "calibration", "format": 2, "cpu": "c", "target": "t"})"),
              HasSubstr("threads"));
}

}  // namespace
}  // namespace kinglet::outline_test
