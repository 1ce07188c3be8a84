// What is foreseen of networks: times by a predictor or without one, and memory to the byte.
#include "characterize/predict/foresee.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "characterize/generate/space.h"
#include "kernels/common/work.h"
#include "kinglet/error.h"
#include "kinglet/machine.h"

namespace kinglet::characterize::foresee_test {
namespace {

using ::testing::HasSubstr;

// Everything takes twice the physical part, and networks a tenth more than their layers.
Predictor Doubling(const std::vector<std::string>& kernels) {
  Predictor predictor;
  predictor.cpu = CpuName();
  predictor.instruction_set = InstructionSet();
  predictor.figures = FiguresOf({.use_cache = false});
  predictor.networks = 3;
  for (const std::string& kernel : kernels) {
    predictor.kernels[kernel] = {Trees(std::log(2.0f), {}), 10, {-0.1, 0.1}};
  }
  predictor.network = {Trees(std::log(1.1f), {}), 10, {-0.02, 0.03}};
  predictor.physical = {-0.2, 0.6};
  return predictor;
}

ForeseeOptions Options(const Predictor* predictor) {
  ForeseeOptions options;
  options.compile.use_cache = false;
  options.predictor = predictor;
  options.cores = 2;
  return options;
}

TEST(DataRow, HasAColumnForEveryKindOfOperations) {
  for (const std::string_view kind : kernels::kWorkKindNames) {
    const std::string name = "ops_" + std::string(kind);
    EXPECT_TRUE(std::any_of(std::begin(kNumberColumns), std::end(kNumberColumns),
                            [&](const NumberColumn& c) { return c.name == name; }))
        << name;
  }
}

TEST(DataRow, HasAsManyFeaturesAsItNames) {
  EXPECT_EQ(FeaturesOfLayer(DataRow()).size(), LayerFeatures().size());
  EXPECT_EQ(FeaturesOfNetwork(DataRow(), 1).size(), NetworkFeatures().size());
  for (const float feature : FeaturesOfLayer(DataRow())) EXPECT_TRUE(std::isfinite(feature));
}

TEST(Foresight, IsThePhysicalPartWithoutAPredictor) {
  const Foresight foresight(OpenWithoutWeights("squeezenet"), Options(nullptr));
  const Forecast forecast = foresight.At(2, 1, 1);
  double sum = 0;
  for (const LayerForecast& layer : forecast.layers) {
    EXPECT_EQ(layer.us, layer.physical_us);
    EXPECT_FALSE(layer.known);
    sum += layer.us;
  }
  EXPECT_NEAR(forecast.time.us, sum, 1e-6 * sum);
  EXPECT_LT(forecast.time.low_us, forecast.time.us);
  EXPECT_GT(forecast.time.high_us, 1.2 * forecast.time.us);
  EXPECT_EQ(forecast.time.known_share, 0.0);
  EXPECT_NEAR(forecast.images_per_s, 2e6 / forecast.time.us, 1e-6 * forecast.images_per_s);
}

TEST(Foresight, CorrectsWhatThePredictorKnows) {
  const Foresight plain(OpenWithoutWeights("squeezenet"), Options(nullptr));
  std::vector<std::string> kernels;
  double physical = 0;
  for (const LayerForecast& layer : plain.At(1, 1, 1).layers) {
    kernels.push_back(layer.kernel);
    physical += layer.us;
  }
  const Predictor all = Doubling(kernels);
  const Forecast forecast = Foresight(OpenWithoutWeights("squeezenet"), Options(&all)).At(1, 1, 1);
  EXPECT_NEAR(forecast.time.us, 2.2 * physical, 1e-5 * physical);
  EXPECT_NEAR(forecast.time.known_share, 1.0, 1e-9);
  EXPECT_NEAR(forecast.time.high_us / forecast.time.us, std::exp(0.03), 1e-6);

  const Predictor some = Doubling({kernels[0]});
  const Foresight partly(OpenWithoutWeights("squeezenet"), Options(&some));
  const NetworkTime time = partly.At(1, 1, 1).time;
  EXPECT_LT(time.known_share, 1.0);
  EXPECT_GT(time.high_us / time.us, std::exp(0.03));
  EXPECT_FALSE(partly.foreign());
}

TEST(Foresight, OfAModelIsThatOfItsNetwork) {
  const Predictor predictor = Doubling({"conv/direct_f32", "pool/max_f32"});
  const ForeseeOptions options = Options(&predictor);
  NamedNetwork network = OpenNetwork("squeezenet");
  const measure::ShapeChooser chooser(network.graph, {}, network.descriptor);
  const Model model = Model::Compile(std::move(network.graph), options.compile);
  const Foresight of_model(chooser, network.descriptor, Outline(model), options);
  const Foresight of_network(OpenWithoutWeights("squeezenet"), options);
  for (const int batch : {1, 4}) {
    const Forecast one = of_model.At(batch, 2, 1);
    const Forecast other = of_network.At(batch, 2, 1);
    EXPECT_EQ(one.time.us, other.time.us);
    EXPECT_EQ(one.time.high_us, other.time.high_us);
    EXPECT_EQ(one.memory.packed_bytes, other.memory.packed_bytes);
    EXPECT_EQ(one.preprocess_us, other.preprocess_us);
    ASSERT_EQ(one.layers.size(), model.Describe(chooser.For(batch), 2).steps.size());
  }
}

TEST(Foresight, OfAnotherMachineIsLessSure) {
  const Foresight plain(OpenWithoutWeights("squeezenet"), Options(nullptr));
  std::vector<std::string> kernels;
  for (const LayerForecast& layer : plain.At(1, 1, 1).layers) kernels.push_back(layer.kernel);
  const Predictor predictor = Doubling(kernels);
  ForeseeOptions options = Options(&predictor);
  options.machine = ForeignCalibration{predictor.figures, "another CPU", InstructionSet()};
  options.machine->figures.peaks["float32"]["vector"] *= 2;
  const Foresight there(OpenWithoutWeights("squeezenet"), options);
  const NetworkTime here =
      Foresight(OpenWithoutWeights("squeezenet"), Options(&predictor)).At(1, 1, 1).time;
  const NetworkTime time = there.At(1, 1, 1).time;
  EXPECT_TRUE(there.foreign());
  EXPECT_LT(time.us, here.us);
  EXPECT_GT(time.high_us / time.us, here.high_us / here.us);
  options.machine->instruction_set = "wider";
  EXPECT_THAT(Foresight(OpenWithoutWeights("squeezenet"), options).notes(),
              ::testing::Contains(HasSubstr("computes with wider")));
}

TEST(Foresight, InstancesShareTheMachine) {
  const Foresight foresight(OpenWithoutWeights("mobilenet_v2"), Options(nullptr));
  const Forecast one = foresight.At(1, 1, 1);
  const Forecast two = foresight.At(1, 1, 2);
  const Forecast four = foresight.At(1, 1, 4);
  EXPECT_GE(two.time.us, one.time.us);
  EXPECT_GT(four.time.us, 1.9 * two.time.us);
  EXPECT_GT(two.images_per_s, one.images_per_s);
  EXPECT_EQ(two.memory.session_bytes, one.memory.session_bytes);
  EXPECT_GT(two.resident_bytes, one.resident_bytes);
}

TEST(Foresight, DetectorsHavePartsAroundThem) {
  const Foresight foresight(OpenWithoutWeights("ssd_mobilenet_v1"), Options(nullptr));
  const Forecast forecast = foresight.At(2, 1, 1);
  EXPECT_GT(forecast.preprocess_us, 0.0);
  EXPECT_GT(forecast.postprocess_us, 0.0);
  EXPECT_NEAR(forecast.postprocess_us, 2 * foresight.At(1, 1, 1).postprocess_us, 1.0);
}

TEST(Bounds, TheBestHoldsBoth) {
  const auto forecast = [](double us, double rate, std::size_t bytes) {
    Forecast f;
    f.time.us = us;
    f.images_per_s = rate;
    f.resident_bytes = bytes;
    return f;
  };
  const std::vector<Forecast> all = {forecast(10, 1, 5), forecast(20, 3, 6), forecast(30, 4, 4),
                                     forecast(15, 2, 9)};
  EXPECT_EQ(BestUnder(all, {}), &all[2]);
  EXPECT_EQ(BestUnder(all, {.latency_us = 25}), &all[1]);
  EXPECT_EQ(BestUnder(all, {.latency_us = 25, .memory_bytes = 5}), &all[0]);
  EXPECT_EQ(BestUnder(all, {.latency_us = 5}), nullptr);
  EXPECT_FALSE(HoldsMemory(all[3], {.memory_bytes = 8}));
}

// What the model of this network really holds after a run.
void ExpectExact(const std::string& name, int batch, int threads) {
  SCOPED_TRACE(name + " batch " + std::to_string(batch) + " threads " + std::to_string(threads));
  const Forecast forecast =
      Foresight(OpenWithoutWeights(name), Options(nullptr)).At(batch, threads, 1);
  NamedNetwork network = OpenNetwork(name);
  const measure::ShapeChooser chooser(network.graph, {}, network.descriptor);
  const Model model =
      Model::Compile(std::move(network.graph), {.threads = threads, .use_cache = false});
  const InputShapes shapes = chooser.For(batch);
  const PlanInfo plan = model.Describe(shapes);
  EXPECT_EQ(forecast.memory.weight_bytes + forecast.memory.packed_bytes, model.weight_bytes());
  EXPECT_EQ(forecast.memory.arena_bytes, plan.arena_bytes);
  EXPECT_EQ(forecast.memory.scratch_bytes, plan.scratch_bytes);
}

TEST(Memory, IsThatOfTheModelToTheByte) {
  for (const int batch : {1, 2, 8}) {
    ExpectExact("mobilenet_v1", batch, 2);
    ExpectExact("squeezenet", batch, 1);
    ExpectExact("demo_int8", batch, 1);
    ExpectExact("ssdlite", batch, 2);
  }
  ExpectExact("inception_v2", 3, 2);
}

TEST(Memory, OfDrawnNetworksIsExact) {
  const std::string folder = ::testing::TempDir() + "kinglet_foresee_test";
  for (const char* space : {"nasbench101", "mobilenet"}) {
    const auto networks = DrawNetworks(space, {.count = 2, .seed = 4, .size = 32});
    WriteNetworks(networks, folder);
    for (const Descriptor& network : networks) {
      ExpectExact(folder + "/" + network.name + ".json", 4, 2);
    }
  }
}

std::string ParseError(const std::string& text) {
  try {
    ParsePredictor(text, "file");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(PredictorFile, IsReadBack) {
  Predictor predictor = Doubling({"conv/direct_f32"});
  predictor.kernels["conv/direct_f32"].trees =
      Trees(0.25f, {{{3, 0.1f, 1, 2}, {-1, -0.3f, 0, 0}, {-1, 0.7f, 0, 0}}});
  predictor.note = "made \"here\"";
  const Predictor read = ParsePredictor(PredictorToJson(predictor), "file");
  EXPECT_EQ(read.kernels.at("conv/direct_f32").trees,
            predictor.kernels.at("conv/direct_f32").trees);
  EXPECT_EQ(read.note, predictor.note);
  EXPECT_EQ(read.cpu, predictor.cpu);
  EXPECT_EQ(read.figures.peaks, predictor.figures.peaks);
  EXPECT_EQ(read.physical.high, 0.6);
  EXPECT_EQ(PredictorToJson(read), PredictorToJson(predictor));
}

TEST(PredictorFile, HostileOnesAreRefused) {
  const std::string good = PredictorToJson(Doubling({"k"}));
  EXPECT_THAT(ParseError(""), HasSubstr("file: is no predictor file"));
  EXPECT_THAT(ParseError("[[[["), HasSubstr("is no predictor file"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return ParseError(text.replace(at, from.size(), to));
  };
  EXPECT_THAT(with("\"format\":1", "\"format\":2"), HasSubstr("format"));
  EXPECT_THAT(with("\"idle_share\"", "\"other\""), HasSubstr("'layer_features'"));
  EXPECT_THAT(with("\"rows\":10", "\"rows\":-1"), HasSubstr("no count"));
  EXPECT_THAT(with("\"physical_interval\":[-0.2,0.6]", "\"physical_interval\":[-0.2,1e9]"),
              HasSubstr("interval"));
  EXPECT_THAT(with("\"l2_gbps\":", "\"l2_gbps\":-"), HasSubstr("l2_gbps"));
  EXPECT_THAT(with("\"figures\":{", "\"figures\":7,\"x\":{"),
              HasSubstr("figures: there is no 'peaks'"));
  EXPECT_THAT(with("\"kernels\":{", "\"kernels\":[],\"x\":{"), HasSubstr("'kernels'"));
}

}  // namespace
}  // namespace kinglet::characterize::foresee_test
