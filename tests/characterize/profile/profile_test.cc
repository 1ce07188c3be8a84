#include "characterize/profile/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "characterize/profile/layer_counters.h"
#include "characterize/profile/picture.h"
#include "characterize/profile/report.h"
#include "kinglet/network.h"
#include "measure/network/shapes.h"

namespace kinglet::characterize::profile_test {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Json = nlohmann::json;

Calibration TwoCores() {
  Calibration calibration;
  calibration.threads = 2;
  calibration.peaks = {{"float32", {{"vector", 100}}}, {"int8", {{"dot", 400}}}};
  calibration.l2_gbps = 90;
  calibration.l3_gbps = 40;
  calibration.l3_all_gbps = 70;
  calibration.dram_gbps = 10;
  calibration.dram_all_gbps = 16;
  return calibration;
}

TEST(Roof, IsOfAsManyCoresAsThereAre) {
  const Roof one = RoofOf(TwoCores(), 1);
  EXPECT_EQ(one.peaks.at("float32").at("vector"), 100);
  EXPECT_EQ(one.dram_gbps, 10);
  const Roof two = RoofOf(TwoCores(), 2);
  EXPECT_EQ(two.peaks.at("int8").at("dot"), 800);
  EXPECT_EQ(two.dram_gbps, 16);
  EXPECT_EQ(two.l3_gbps, 70);
  EXPECT_EQ(two.l2_gbps, 180);
  EXPECT_EQ(RoofOf(TwoCores(), 8).peaks.at("float32").at("vector"), 200);
  Calibration four = TwoCores();
  four.threads = 4;
  EXPECT_DOUBLE_EQ(RoofOf(four, 2).dram_gbps, 12);
}

StepInfo Layer(std::int64_t macs, double bytes, const std::string& type = "float32",
               const std::string& instructions = "vector") {
  StepInfo step;
  step.name = "layer";
  step.op = "Conv";
  step.kernel = "conv/direct_f32";
  step.macs = macs;
  step.work.operations = {{"tile", type, instructions, 2.0 * static_cast<double>(macs)},
                          {"tile_edge", "float32", "vector", 1}};
  step.work.read_bytes = bytes / 2;
  step.work.write_bytes = bytes / 4;
  step.work.weight_bytes = bytes / 4;
  return step;
}

TEST(WorkOf, TheRidgeDividesMemoryFromArithmetic) {
  const Roof roof = RoofOf(TwoCores(), 1);  // ridge at 10 operations for each byte
  const LayerWork low = WorkOf(Layer(450, 100), roof);
  EXPECT_EQ(low.operations, 900);
  EXPECT_EQ(low.bytes, 100);
  EXPECT_DOUBLE_EQ(low.intensity, 9);
  EXPECT_EQ(low.bound, LayerBound::kMemory);
  EXPECT_EQ(WorkOf(Layer(550, 100), roof).bound, LayerBound::kArithmetic);
  const LayerWork integers = WorkOf(Layer(550, 100, "int8", "dot"), roof);
  EXPECT_EQ(integers.peak_gflops, 400);
  EXPECT_EQ(integers.bound, LayerBound::kMemory);
  EXPECT_EQ(WorkOf(Layer(550, 100, "int16", "pairs"), roof).peak_gflops, 100);
  EXPECT_EQ(WorkOf(StepInfo(), roof).bound, LayerBound::kMemory);
}

ProfileTurn Turn(double plain, double profiled, std::vector<double> steps) {
  return {plain, profiled, std::move(steps)};
}

TEST(SetTimes, LayersAndRestMakeUpTheRun) {
  NetworkProfile profile;
  profile.layers.resize(2);
  SetTimes(
      {Turn(10, 11, {4, 6}), Turn(10, 10.2, {4, 5}), Turn(10, 50, {44, 5}), Turn(10, 10.1, {5, 5})},
      profile);
  // 11 and 10.2 are the middle half.
  EXPECT_DOUBLE_EQ(profile.run_seconds, 10.6);
  EXPECT_DOUBLE_EQ(profile.layers[0].seconds, 4);
  EXPECT_DOUBLE_EQ(profile.layers[1].seconds, 5.5);
  EXPECT_NEAR(profile.rest_seconds, 1.1, 1e-12);
  EXPECT_NEAR(profile.layers[1].share, 5.5 / 10.6, 1e-12);
  EXPECT_NEAR(profile.overhead, 0.06, 1e-12);  // between 0.02 and 0.1
  EXPECT_EQ(profile.plain_seconds, 10);
  EXPECT_EQ(profile.turns, 4u);
}

// Counts given one reading after another, every event the same.
class FakeCounters final : public CounterSource {
 public:
  explicit FakeCounters(std::vector<double> readings)
      : CounterSource({"a", "b"}), readings_(std::move(readings)) {}
  void Read(std::span<double> counts) noexcept override {
    const double now = readings_[next_++ % readings_.size()];
    counts[0] = now;
    counts[1] = 10 * now;
  }

 private:
  std::vector<double> readings_;
  std::size_t next_ = 0;
};

TEST(LayerCounters, GiveEachStepWhatWasCountedMeanwhile) {
  // Two runs: a step, then two that end together, and a fourth that nobody tells of.
  FakeCounters source({0, 5, 6, 16, 20, 100, 107, 108, 128, 130});
  LayerCounters counters(source, 4);
  for (int run = 0; run < 2; ++run) {
    counters.Began();
    counters.Ended(0, 1);
    counters.Ended(1, 3);
  }
  const auto counts = counters.PerRun(std::vector<double>{9, 3, 1, 2});
  ASSERT_THAT(counts, SizeIs(4));
  EXPECT_THAT(counts[0], ElementsAre(DoubleEq(6), DoubleEq(60)));
  EXPECT_THAT(counts[1], ElementsAre(DoubleEq(11.25), DoubleEq(112.5)));
  EXPECT_THAT(counts[2], ElementsAre(DoubleEq(3.75), DoubleEq(37.5)));
  EXPECT_THAT(counts[3], SizeIs(0));
}

NetworkProfile DemoProfile(const CounterRequest& counters) {
  NamedNetwork network = OpenNetwork("demo");
  const Model model = Model::Compile(std::move(network.graph), {.threads = 1, .use_cache = false});
  const InputShapes shapes = measure::ChooseShapes(model.inputs(), {}, network.descriptor);
  NetworkProfile profile = ProfileModel(model, shapes, {.counters = counters, .turns = 3});
  SetRoof(RoofOf(TwoCores(), 1), profile);
  profile.network = "demo, \"quoted\"";
  profile.precision = "f32";
  return profile;
}

TEST(ProfileModel, EveryLayerOfANetworkHasItsTime) {
  const NetworkProfile profile = DemoProfile({});
  EXPECT_EQ(profile.turns, 3u);
  ASSERT_GT(profile.layers.size(), 10u);
  double sum = profile.rest_seconds;
  for (const LayerProfile& layer : profile.layers) {
    sum += layer.seconds;
    EXPECT_THAT(layer.counts, SizeIs(profile.events.size()));
  }
  EXPECT_GE(profile.rest_seconds, 0);
  EXPECT_NEAR(sum, profile.run_seconds, 1e-9);
  EXPECT_GT(profile.predicted_seconds, 0);
  EXPECT_GE(profile.events.size(), 3u);
}

TEST(ProfileReport, JsonHasARunAndItsLayers) {
  const NetworkProfile profile = DemoProfile({});
  const Json json = Json::parse(ProfileJson(profile));
  EXPECT_EQ(json.at("model"), profile.network);
  EXPECT_THAT(json.at("layers"), SizeIs(profile.layers.size()));
  double sum = json.at("rest_ms").get<double>();
  for (const Json& layer : json.at("layers")) sum += layer.at("ms").get<double>();
  EXPECT_NEAR(sum, json.at("run_ms").get<double>(), 1e-3);
  EXPECT_TRUE(json.at("layers").front().at("counts").contains("page-faults"));
  EXPECT_FALSE(Json::parse(ProfileJson(DemoProfile({CounterMode::kOff})))
                   .at("layers")
                   .front()
                   .contains("counts"));
}

TEST(ProfileReport, CsvHasARowForEachLayer) {
  NetworkProfile profile = DemoProfile({CounterMode::kOff});
  profile.layers.front().step.name = "a,\"b\"";
  const std::string csv = ProfileCsv(profile);
  EXPECT_EQ(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')),
            profile.layers.size() + 1);
  EXPECT_THAT(csv, HasSubstr("\n\"a,\"\"b\"\"\","));
}

TEST(ProfileReport, TracesPutLayersOneBehindAnother) {
  const NetworkProfile profile = DemoProfile({CounterMode::kOff});
  const Json trace = Json::parse(ProfileTrace(profile));
  double now = 0;
  std::size_t layers = 0;
  for (const Json& event : trace.at("traceEvents")) {
    ASSERT_TRUE(event.contains("ph"));
    if (event.at("ph") != "X") continue;
    EXPECT_EQ(event.at("name"), profile.layers[layers].step.name);
    EXPECT_NEAR(event.at("ts").get<double>(), now, 1e-3);
    now += event.at("dur").get<double>();
    ++layers;
  }
  EXPECT_EQ(layers, profile.layers.size());
}

TEST(RooflinePlot, HasEveryLayerThatComputesAndTheRoof) {
  const NetworkProfile profile = DemoProfile({CounterMode::kOff});
  const Plot plot = RooflinePlot(profile);
  ASSERT_THAT(plot.panels, SizeIs(1));
  std::size_t points = 0, roofs = 0;
  for (const Series& series : plot.panels.front().series) {
    if (series.style == Style::kPoints) points += series.x.size();
    if (series.style == Style::kLines) ++roofs;
    EXPECT_EQ(series.x.size(), series.y.size());
  }
  std::size_t computing = 0;
  for (const LayerProfile& layer : profile.layers) computing += layer.work.operations > 0 ? 1u : 0u;
  EXPECT_EQ(points, computing);
  EXPECT_EQ(roofs, 2u);
}

}  // namespace
}  // namespace kinglet::characterize::profile_test
