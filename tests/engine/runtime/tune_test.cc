#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "engine/cost/files.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/step_observer.h"
#include "tests/support/graph_builder.h"

namespace kinglet::tune_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;

const InputShapes kShapes = {{"x", {1, 16, 12, 12}}};

// A convolution that several variants take, and a product.
Graph Net() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 16, 12, 12});
  Attributes same;
  same.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const ValueId y =
      b.Op("Relu", {b.Op("Conv", {x, b.Constant(RandomTensor({16, 16, 3, 3}, 2))}, same)});
  const ValueId flat = b.Op("Flatten", {b.Op("GlobalAveragePool", {y})});
  b.Output(b.Op("MatMul", {flat, b.Constant(RandomTensor({16, 20}, 3))}), "y");
  return b.Take();
}

std::string KernelOf(const PlanInfo& plan, const std::string& op) {
  for (const StepInfo& step : plan.steps) {
    if (step.op == op) return step.kernel;
  }
  return "";
}

class TuneTest : public ::testing::Test {
 protected:
  TuneTest()
      : file_((std::filesystem::temp_directory_path() /
               (std::string("kinglet_tune_") +
                ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".json"))
                  .string()) {
    std::filesystem::remove(file_);
  }
  ~TuneTest() override { std::filesystem::remove(file_); }

  static Model Compile(const std::string& tuning_file = "") {
    CompileOptions options;
    options.threads = 2;
    options.tuning_file = tuning_file;
    options.use_cache = false;
    return Model::Compile(Net(), options);
  }

  const std::string file_;
};

TEST_F(TuneTest, MeasuredKernelsAreKeptAndLoaded) {
  Model model = Compile();
  std::size_t calls = 0;
  TuneOptions options;
  options.repetitions = 2;
  options.progress = [&](std::size_t done, std::size_t total) {
    EXPECT_EQ(done, calls++);
    EXPECT_LT(done, total);
  };
  const TuneReport report = model.Tune(kShapes, options);
  EXPECT_GT(calls, 2u);
  EXPECT_GE(report.choices, 1u);
  EXPECT_LE(report.changed, report.choices);
  model.SaveTuning(file_);
  const TuningTable table = ReadTuning(file_);
  EXPECT_EQ(table.size(), report.choices);
  for (const auto& [key, times] : table) EXPECT_GT(times.size(), 1u) << ToString(key);
  // Who loads the file plans the same.
  const PlanInfo tuned = model.Describe(kShapes);
  const PlanInfo loaded = Compile(file_).Describe(kShapes);
  ASSERT_EQ(tuned.steps.size(), loaded.steps.size());
  for (std::size_t s = 0; s < tuned.steps.size(); ++s) {
    EXPECT_EQ(tuned.steps[s].kernel, loaded.steps[s].kernel);
    EXPECT_EQ(tuned.steps[s].predicted_seconds, loaded.steps[s].predicted_seconds);
  }
}

TEST_F(TuneTest, AFileMakesThePlanTakeItsWinner) {
  Model model = Compile();
  TuneOptions options;
  options.repetitions = 1;
  model.Tune(kShapes, options);
  model.SaveTuning(file_);
  const TuningTable measured = ReadTuning(file_);
  const auto conv = std::find_if(measured.begin(), measured.end(),
                                 [](const auto& entry) { return entry.first.family == "conv"; });
  ASSERT_NE(conv, measured.end());
  std::set<std::string> seen;
  EXPECT_EQ(conv->first.activation, "Relu");
  EXPECT_EQ(conv->first.threads, 2);
  for (const auto& [winner, time] : conv->second) {
    TuningTable table = {{conv->first, {{winner, {1e-9, time.revision}}}}};
    std::filesystem::remove(file_);
    AddToTuningFile(table, file_);
    const PlanInfo plan = Compile(file_).Describe(kShapes);
    EXPECT_EQ(KernelOf(plan, "Conv"), winner);
    seen.insert(winner);
    // Another batch is another choice.
    EXPECT_EQ(KernelOf(Compile(file_).Describe({{"x", {5, 16, 12, 12}}}), "Conv"),
              KernelOf(Compile().Describe({{"x", {5, 16, 12, 12}}}), "Conv"));
  }
  EXPECT_GT(seen.size(), 1u);
}

// A kernel that was changed since is not what was measured.
TEST_F(TuneTest, AFileOfAnotherRevisionChangesNothing) {
  Model model = Compile();
  const PlanInfo untuned = model.Describe(kShapes);
  TuneOptions options;
  options.repetitions = 1;
  model.Tune(kShapes, options);
  model.SaveTuning(file_);
  for (const auto& [key, times] : ReadTuning(file_)) {
    for (const auto& [kernel, time] : times) {
      std::filesystem::remove(file_);
      AddToTuningFile({{key, {{kernel, {1e-9, time.revision + 1}}}}}, file_);
      const PlanInfo plan = Compile(file_).Describe(kShapes);
      ASSERT_EQ(plan.steps.size(), untuned.steps.size());
      for (std::size_t s = 0; s < plan.steps.size(); ++s) {
        EXPECT_EQ(plan.steps[s].kernel, untuned.steps[s].kernel) << kernel;
      }
    }
  }
}

TEST_F(TuneTest, TunedModelsGiveTheSameAnswers) {
  Model model = Compile();
  const Tensors inputs = {{"x", RandomTensor({1, 16, 12, 12}, 9)}};
  const Tensor before = model.NewSession().Run(inputs).at("y").Clone();
  TuneOptions options;
  options.repetitions = 1;
  model.Tune(kShapes, options);
  EXPECT_LT(testing::RelativeDifference(before, model.NewSession().Run(inputs).at("y")), 1e-5);
}

TEST_F(TuneTest, NamedFilesMustBeUsable) {
  EXPECT_THROW(Compile(file_), Error);
  std::ofstream(file_) << "{}";
  EXPECT_THROW(Compile(file_), Error);
  EXPECT_THROW(Compile().SaveTuning(file_), Error);
}

TEST_F(TuneTest, ProfilesHaveATimeForEachStep) {
  const Model model = Compile();
  Session session = model.NewSession();
  const std::vector<double> seconds = session.Profile({{"x", RandomTensor({1, 16, 12, 12}, 9)}});
  ASSERT_EQ(seconds.size(), model.Describe(kShapes).steps.size());
  for (const double s : seconds) EXPECT_GT(s, 0);
}

// The steps that it was told of, in order; -1 before the first of a run.
class Listener final : public StepObserver {
 public:
  void Began() noexcept override { seen.push_back(-1); }
  void Ended(std::size_t first, std::size_t end) noexcept override {
    for (std::size_t step = first; step < end; ++step) seen.push_back(static_cast<int>(step));
  }
  std::vector<int> seen;
};

TEST_F(TuneTest, ObserversAreToldOfEachStepOfAProfile) {
  const Model model = Compile();
  std::vector<int> expected = {-1};
  const int steps = static_cast<int>(model.Describe(kShapes).steps.size());
  for (int step = 0; step < steps; ++step) expected.push_back(step);
  const Tensors inputs = {{"x", RandomTensor({1, 16, 12, 12}, 9)}};
  for (const int threads : {1, 3}) {
    Session session = model.NewSession({.threads = threads});
    Listener listener;
    {
      const ObserveSteps observe(listener);
      session.Profile(inputs);
      session.Run(inputs);  // not observed
    }
    session.Profile(inputs);
    EXPECT_EQ(listener.seen, expected) << threads;
  }
}

}  // namespace
}  // namespace kinglet::tune_test
