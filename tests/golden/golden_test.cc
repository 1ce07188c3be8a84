// Real networks against the answers of another runtime, and against themselves at other batch
// sizes. The data is no part of the project: without it these tests skip.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "converters/onnx/tensor.h"
#include "kinglet/model.h"
#include "kinglet/npy.h"
#include "kinglet/onnx.h"
#include "tests/support/source_dir.h"

namespace kinglet::golden_test {
namespace {

namespace fs = std::filesystem;

fs::path DataRoot() { return testing::SharedDataDir(); }

bool IsQuantized(const std::string& path) { return path.find("_qdq") != std::string::npos; }

Model Load(const fs::path& path, int threads) {
  return Model::Compile(ReadOnnx(path.string()), {.threads = threads});
}

double MaxAbs(const Tensor& t) {
  double largest = 0;
  for (std::int64_t i = 0; i < t.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(t.data<float>()[i])));
  }
  return largest;
}

double MaxDifference(const float* a, const float* b, std::int64_t count) {
  double largest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = difference;  // NaN stays
  }
  return largest;
}

std::vector<std::size_t> TopFive(const Tensor& scores) {
  std::vector<std::size_t> order(static_cast<std::size_t>(scores.size()));
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto* s = scores.data<float>();
  std::partial_sort(
      order.begin(), order.begin() + 5, order.end(),
      [&](std::size_t a, std::size_t b) { return s[a] != s[b] ? s[a] > s[b] : a < b; });
  order.resize(5);
  return order;
}

// Same top five unless two scores differ by less than the tolerance.
void ExpectSameTopFive(const Tensor& found, const Tensor& wanted, double tolerance) {
  const auto a = TopFive(found);
  const auto b = TopFive(wanted);
  for (std::size_t i = 0; i < 5; ++i) {
    if (a[i] == b[i]) continue;
    EXPECT_LE(std::abs(wanted.data<float>()[a[i]] - wanted.data<float>()[b[i]]), tolerance)
        << "place " << i;
  }
}

struct Case {
  std::string model, input;
  std::map<std::string, std::string> outputs;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  std::ifstream file(DataRoot() / "golden/index.json");
  if (!file) return cases;
  for (const auto& entry : nlohmann::json::parse(file)) {
    cases.push_back({entry["model"], entry["input"], entry["outputs"]});
  }
  return cases;
}

class Golden : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(DataRoot() / "golden/index.json")) GTEST_SKIP() << "no data: " << DataRoot();
  }
};

class GoldenThreads : public Golden, public ::testing::WithParamInterface<int> {};

void CompareFloat(const Tensor& found, const Tensor& wanted, const std::string& name) {
  const double tolerance = 1e-4 * std::max(1.0, MaxAbs(wanted));
  EXPECT_LE(MaxDifference(found.data<float>(), wanted.data<float>(), wanted.size()), tolerance);
  if (name == "output") ExpectSameTopFive(found, wanted, tolerance);
}

void CompareQuantized(const Tensor& found, const Tensor& wanted, const std::string& name) {
  const double tolerance = name == "box_encodings" ? 0.3 : 0.06;
  EXPECT_LE(MaxDifference(found.data<float>(), wanted.data<float>(), wanted.size()), tolerance);
  if (name == "output") {
    EXPECT_EQ(TopFive(found)[0], TopFive(wanted)[0]);
  }
}

TEST_P(GoldenThreads, EveryModelGivesTheReferenceAnswer) {
  std::map<std::string, Model> models;
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.model + " on " + c.input);
    auto it = models.find(c.model);
    if (it == models.end()) {
      it = models.emplace(c.model, Load(DataRoot() / c.model, GetParam())).first;
    }
    Session session = it->second.NewSession();
    const std::string name = it->second.inputs()[0].name;
    const Tensors& found = session.Run({{name, ReadNpy((DataRoot() / c.input).string())}});
    for (const auto& [output, path] : c.outputs) {
      const Tensor wanted = ReadNpy((DataRoot() / path).string());
      ASSERT_TRUE(found.contains(output));
      const Tensor& tensor = found.find(output)->second;
      ASSERT_EQ(tensor.shape(), wanted.shape());
      IsQuantized(c.model) ? CompareQuantized(tensor, wanted, output)
                           : CompareFloat(tensor, wanted, output);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Run, GoldenThreads, ::testing::Values(1, 2));

Tensor Repeat(const std::vector<Tensor>& images, std::int64_t batch) {
  Shape shape = images[0].shape();
  shape[0] = batch;
  Tensor tensor(DataType::kFloat32, shape);
  for (std::int64_t n = 0; n < batch; ++n) {
    const Tensor& image = images[static_cast<std::size_t>(n) % images.size()];
    std::memcpy(tensor.data<float>() + n * image.size(), image.raw(), image.bytes());
  }
  return tensor;
}

// Every float model whose batch is free, with the inputs that the references have for it.
std::map<std::string, std::vector<Tensor>> BatchInputs() {
  std::map<std::string, std::vector<Tensor>> inputs;
  for (const Case& c : Cases()) {
    if (!IsQuantized(c.model)) {
      inputs[c.model].push_back(ReadNpy((DataRoot() / c.input).string()));
    }
  }
  return inputs;
}

TEST_F(Golden, EveryImageOfABatchGivesTheAnswerThatItGivesAlone) {
  for (const auto& [path, images] : BatchInputs()) {
    const Model model = Load(DataRoot() / path, 2);
    if (model.inputs()[0].shape[0] >= 0) continue;
    const std::string name = model.inputs()[0].name;
    Session session = model.NewSession();
    std::vector<Tensors> alone;
    for (const Tensor& image : images) alone.push_back(session.Run({{name, image}}));
    for (const std::int64_t batch : {3, 8, 32}) {
      SCOPED_TRACE(path + " at batch " + std::to_string(batch));
      const Tensors& found = session.Run({{name, Repeat(images, batch)}});
      for (const auto& [output, tensor] : found) {
        ASSERT_EQ(tensor.shape()[0], batch);
        const std::int64_t row = tensor.size() / batch;
        for (std::int64_t n = 0; n < batch; ++n) {
          const Tensor& wanted =
              alone[static_cast<std::size_t>(n) % alone.size()].find(output)->second;
          EXPECT_LE(MaxDifference(tensor.data<float>() + n * row, wanted.data<float>(), row),
                    1e-4 * std::max(1.0, MaxAbs(wanted)))
              << output << " of image " << n;
        }
      }
    }
  }
}

TEST_F(Golden, AnUnoptimisedGraphGivesTheSameAnswer) {
  for (const auto& [path, images] : BatchInputs()) {
    if (path.find("mobilenet_v1_0.25") == std::string::npos &&
        path.find("RFB-320_") == std::string::npos) {
      continue;  // the plain kernels take their time
    }
    SCOPED_TRACE(path);
    const Model fast = Load(DataRoot() / path, 2);
    const Model plain =
        Model::Compile(ReadOnnx((DataRoot() / path).string()), {.threads = 2, .optimize = false});
    const std::string name = fast.inputs()[0].name;
    Session fast_session = fast.NewSession();
    Session plain_session = plain.NewSession();
    const Tensors& wanted = plain_session.Run({{name, images[0]}});
    for (const auto& [output, tensor] : fast_session.Run({{name, images[0]}})) {
      const Tensor& reference = wanted.find(output)->second;
      EXPECT_LE(MaxDifference(tensor.data<float>(), reference.data<float>(), tensor.size()),
                1e-4 * std::max(1.0, MaxAbs(reference)));
    }
  }
}

TEST_F(Golden, RecurrentDetectorRunsFromAZeroState) {
  const fs::path path = DataRoot() / "models/ssd_lstm_traffic_256_qdq.onnx";
  const Model model = Load(path, 2);
  Tensors inputs;
  for (const TensorInfo& info : model.inputs()) {
    Shape shape = info.shape;
    for (std::int64_t& dim : shape) dim = dim < 0 ? 1 : dim;
    inputs[info.name] = Tensor(info.type, shape);
  }
  Session session = model.NewSession();
  const Tensors& outputs = session.Run(inputs);
  for (const TensorInfo& info : model.outputs()) {
    const Tensor& tensor = outputs.find(info.name)->second;
    ASSERT_EQ(tensor.shape().size(), info.shape.size()) << info.name;
    for (std::size_t d = 0; d < info.shape.size(); ++d) {
      EXPECT_EQ(tensor.shape()[d], info.shape[d] < 0 ? 1 : info.shape[d]) << info.name;
    }
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      ASSERT_TRUE(std::isfinite(tensor.data<float>()[i])) << info.name << " at " << i;
    }
  }
}

Tensor ReadTensorFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return ReadTensorProto(std::as_bytes(std::span(bytes)));
}

// onnx's own light models: real topologies with one weight value for each tensor.
TEST_F(Golden, LightModelsGiveTheirReferenceAnswer) {
  const fs::path folder = DataRoot() / "onnx-light";
  int models = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".onnx") continue;
    SCOPED_TRACE(entry.path().filename().string());
    const Model model = Load(entry.path(), 2);
    Tensor input(DataType::kFloat32, {1, 3, 224, 224});
    for (std::int64_t i = 0; i < input.size(); ++i) {
      input.data<float>()[i] = static_cast<float>(static_cast<double>(i) / 150528.0);
    }
    Session session = model.NewSession();
    const Tensors& found = session.Run({{model.inputs()[0].name, input}});
    const Tensor wanted = ReadTensorFile(folder / (entry.path().stem().string() + "_output_0.pb"));
    const Tensor& tensor = found.find(model.outputs()[0].name)->second;
    ASSERT_EQ(tensor.shape(), wanted.shape());
    EXPECT_LE(MaxDifference(tensor.data<float>(), wanted.data<float>(), wanted.size()),
              1e-4 * std::max(1.0, MaxAbs(wanted)));
    ++models;
  }
  EXPECT_EQ(models, 9);
}

}  // namespace
}  // namespace kinglet::golden_test
