// Turns of small networks, and of things that only count how often they run.
#include "measure/network/turn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>

#include "kinglet/error.h"
#include "measure/network/instances.h"
#include "measure/network/turn_inputs.h"
#include "measure/network/turn_json.h"
#include "tests/support/source_dir.h"

namespace kinglet::measure::turn_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(ArrivalsTest, AreTheSameEachTimeAndAsManyAsTheRateSays) {
  const std::vector<double> arrivals = PoissonArrivals(1000, 10, 7);
  EXPECT_EQ(arrivals, PoissonArrivals(1000, 10, 7));
  EXPECT_NE(arrivals, PoissonArrivals(1000, 10, 8));
  EXPECT_TRUE(std::is_sorted(arrivals.begin(), arrivals.end()));
  EXPECT_GT(arrivals.front(), 0);
  EXPECT_LT(arrivals.back(), 10);
  EXPECT_NEAR(static_cast<double>(arrivals.size()), 1e4, 500);  // five standard deviations
  // Gaps of a Poisson process are as far apart as they are long.
  double squares = 0;
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    squares += (arrivals[i] - arrivals[i - 1]) * (arrivals[i] - arrivals[i - 1]);
  }
  EXPECT_NEAR(squares / static_cast<double>(arrivals.size()) * 1e6, 2, 0.2);
  EXPECT_THROW(PoissonArrivals(1e9, 10, 1), Error);
}

TEST(ArrivalsTest, ProcessesShareTheirCounter) {
  SharedCounter counter;
  SharedCounter other(counter.file());
  ArrivalQueue first({0.5, 0.75, 1}, counter.counter());
  ArrivalQueue second({0.5, 0.75, 1}, other.counter());
  EXPECT_EQ(first.Take(), 0.5);
  EXPECT_EQ(second.Take(), 0.75);
  EXPECT_EQ(first.Take(), 1);
  EXPECT_EQ(second.Take(), std::nullopt);
  EXPECT_EQ(first.Take(), std::nullopt);
}

struct Counted {
  std::atomic<int> runs = 0;
  std::function<void()> Run() {
    return [this] { ++runs; };
  }
};

TEST(InstancesTest, AreWarmBeforeTheWindowBegins) {
  Counted a, b;
  int warm = 0;
  InstanceWindow window{0.005, 0};
  window.gate = [&] {
    warm = a.runs + b.runs;
    return SteadySeconds();
  };
  const std::vector<InstanceRuns> runs = RunInstances({a.Run(), b.Run()}, window);
  EXPECT_EQ(warm, 2);
  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0].latencies_ms.size() + 1, static_cast<std::size_t>(a.runs));
  EXPECT_EQ(runs[1].latencies_ms.size() + 1, static_cast<std::size_t>(b.runs));
  for (const InstanceRuns& each : runs) {
    EXPECT_THAT(each.latencies_ms, Not(IsEmpty()));
    EXPECT_GT(each.end, each.begin);
  }
}

TEST(InstancesTest, TakeEachArrivalOnce) {
  Counted a, b;
  SharedCounter counter;
  ArrivalQueue queue(std::vector<double>(50, 1e-3), counter.counter());
  InstanceWindow window{5, 0, &queue};
  const std::vector<InstanceRuns> runs = RunInstances({a.Run(), b.Run()}, window);
  EXPECT_EQ(runs[0].latencies_ms.size() + runs[1].latencies_ms.size(), 50u);
  EXPECT_EQ(a.runs + b.runs, 52);
}

// A latency is counted from the arrival: who comes at the same time as others waits for them.
TEST(InstancesTest, WaitingCountsInAnOpenLoop) {
  constexpr double kRun = 2e-3;
  SharedCounter counter;
  ArrivalQueue queue(std::vector<double>(3, 0), counter.counter());
  InstanceWindow window{5, 0, &queue};
  const auto run = [] { SleepUntil(SteadySeconds() + kRun); };
  const std::vector<InstanceRuns> runs = RunInstances({run}, window);
  ASSERT_THAT(runs[0].latencies_ms, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_GE(runs[0].latencies_ms[i], 1e3 * kRun * static_cast<double>(i + 1) * 0.999);
  }
  EXPECT_GE(runs[0].backlog_s, 2 * kRun * 0.999);
}

TEST(InstancesTest, AnErrorOfOneIsTheErrorOfAll) {
  Counted good;
  const auto bad = [] { throw Error(ErrorCode::kResource, "no memory"); };
  InstanceWindow window{0.001, 0};
  EXPECT_THROW(RunInstances({good.Run(), bad}, window), Error);
  EXPECT_GE(good.runs, 1);
}

TurnPlan Demo() {
  TurnPlan plan;
  plan.point.network = "demo";
  plan.point.batch = 2;
  plan.point.compile.use_cache = false;
  plan.window_s = 0.02;
  plan.warm_up_s = 0;
  return plan;
}

TEST(TurnTest, TwoInstancesRun) {
  TurnPlan plan = Demo();
  plan.instances = 2;
  const TurnResult result = TakeTurn(plan);
  EXPECT_EQ(result.batch, 2);
  EXPECT_EQ(result.precision, "f32");
  EXPECT_GE(result.runs, 2u);
  EXPECT_EQ(result.latencies_ms.size(), std::min(result.runs, kMostLatencies));
  EXPECT_TRUE(std::is_sorted(result.latencies_ms.begin(), result.latencies_ms.end()));
  EXPECT_GT(result.latencies_ms.front(), 0);
  EXPECT_GT(result.images_per_s, 0);
  EXPECT_GE(result.window_s, 0.02 - 2e-3);
  EXPECT_THAT(result.kernels, Not(IsEmpty()));
  EXPECT_GT(result.peak_rss_mb, 1);
}

TEST(TurnTest, AnOpenLoopRunsWhatArrives) {
  TurnPlan plan = Demo();
  plan.rate = 100;
  plan.window_s = 0.05;
  const TurnResult result = TakeTurn(plan);
  EXPECT_LE(result.runs, PoissonArrivals(100, 0.05, plan.seed).size());
  EXPECT_GE(result.runs, 1u);
  EXPECT_GE(result.window_s, 0.05);
}

TEST(TurnTest, PicturesAreInputs) {
  TurnPlan plan = Demo();
  plan.pictures = (testing::SourceDir() / "models/demo/images").string();
  EXPECT_GE(TakeTurn(plan).runs, 1u);
  plan.pictures = testing::SourceDir().string();
  const auto error = [&] {
    try {
      TakeTurn(plan);
    } catch (const Error& failure) {
      return std::string(failure.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error(), HasSubstr("expected pictures"));
  plan.pictures = "/no/such/folder";
  EXPECT_THAT(error(), HasSubstr("/no/such/folder"));
}

TEST(TurnTest, PicturesBeginWhereTheyAreToldAndGoOnWithTheFirst) {
  const TurnPlan plan = Demo();
  const OpenedNetwork network = OpenForPoint(plan.point);
  const InputShapes shapes = network.shapes.For(1);
  const std::string folder = (testing::SourceDir() / "models/demo/images").string();
  const std::vector<Tensors> all = TurnInputs(network, shapes, {folder});
  ASSERT_GE(all.size(), 3u);
  const std::vector<Tensors> last = TurnInputs(network, shapes, {folder, all.size() - 1, 2});
  ASSERT_EQ(last.size(), 2u);
  const auto same = [](const Tensors& a, const Tensors& b) {
    const Tensor& x = a.begin()->second;
    const Tensor& y = b.begin()->second;
    return std::memcmp(x.raw(), y.raw(), x.bytes()) == 0;
  };
  EXPECT_TRUE(same(last[0], all.back()));
  EXPECT_TRUE(same(last[1], all[0]));
  EXPECT_FALSE(same(all[0], all[1]));
}

TEST(TurnTest, PlansAndResultsComeBackAsTheyWere) {
  TurnPlan plan = Demo();
  plan.point.shapes = {"input=Nx3x64x64"};
  plan.point.compile.precision = Precision::kBFloat16;
  plan.point.compile.winograd = false;
  plan.point.read.data_folders = {"/weights"};
  plan.instances = 3;
  plan.processes = true;
  plan.rate = 12.5;
  plan.seed = 42;
  plan.pictures = "pictures";
  plan.first_picture = 12;
  plan.most_batches = 3;
  plan.follows = true;
  plan.arrivals_file = 7;
  const std::string text = TurnPlanJson(plan);
  EXPECT_EQ(TurnPlanJson(ParseTurnPlan(text)), text);
  EXPECT_EQ(ParseTurnPlan(text).point.compile.precision, Precision::kBFloat16);
  TurnPlan defaults;
  defaults.point.network = "demo";
  EXPECT_EQ(ParseTurnPlan(TurnPlanJson(defaults)).arrivals_file, -1);
  for (const char* wrong : {"", "7", "{}", R"({"network": 7})"}) {
    EXPECT_THROW(ParseTurnPlan(wrong), Error) << wrong;
  }
  TurnResult result = TakeTurn(Demo());
  result.notes = {"a note"};
  result.backlog_s = 0.5;
  const JsonReader::Json json = TurnResultJson(result);
  EXPECT_EQ(TurnResultJson(ReadTurnResult(JsonReader(json, "test"))), json);
}

TEST(TurnTest, TheAnswerIsAResultOrAnError) {
  EXPECT_THAT(AnswerTurn(Demo()), HasSubstr("latencies_ms"));
  TurnPlan plan = Demo();
  plan.point.network = "no/such.onnx";
  EXPECT_THAT(AnswerTurn(plan), AllOf(HasSubstr("\"code\":\"i/o\""), HasSubstr("no/such.onnx")));
}

}  // namespace
}  // namespace kinglet::measure::turn_test
