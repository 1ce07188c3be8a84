// Quantised networks give the same bits on every target and on matrix tiles, for every number of
// threads and batch.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kinglet/model.h"
#include "kinglet/npy.h"
#include "kinglet/onnx.h"
#include "tests/support/made_up_tiles.h"
#include "tests/support/sanitized.h"
#include "tests/support/source_dir.h"
#include "tests/support/targets.h"

namespace kinglet::golden_test {
namespace {

namespace fs = std::filesystem;

// The inputs that there are references for, by quantised model.
std::map<std::string, std::set<std::string>> QuantisedCases() {
  std::map<std::string, std::set<std::string>> cases;
  std::ifstream file(testing::SharedDataDir() / "golden/index.json");
  if (!file) return cases;
  for (const auto& entry : nlohmann::json::parse(file)) {
    const std::string model = entry["model"];
    if (model.find("_qdq") != std::string::npos) cases[model].insert(entry["input"]);
  }
  return cases;
}

// All inputs, in turns, as one batch.
Tensor Batch(const std::vector<Tensor>& images, std::int64_t batch) {
  Shape shape = images[0].shape();
  shape[0] = batch;
  Tensor tensor(DataType::kFloat32, shape);
  for (std::int64_t n = 0; n < batch; ++n) {
    const Tensor& image = images[static_cast<std::size_t>(n) % images.size()];
    std::memcpy(tensor.data<float>() + n * image.size(), image.raw(), image.bytes());
  }
  return tensor;
}

// What each image gave first, by output.
using Answers = std::vector<std::map<std::string, Tensor>>;

// Codes are the same; what is float behind them (softmax) rounds as it may, where one code more or
// less would change it by some percent.
void ExpectAsFirst(const Tensors& found, std::int64_t batch, std::size_t images, Answers& first) {
  for (std::int64_t n = 0; n < batch; ++n) {
    const auto image = static_cast<std::size_t>(n) % images;
    for (const auto& [output, tensor] : found) {
      const std::int64_t row = tensor.size() / batch;
      const float* values = tensor.data<float>() + n * row;
      Tensor& expected = first[image][output];
      if (!expected.defined()) {
        expected = Tensor(DataType::kFloat32, {row});
        std::memcpy(expected.raw(), values, expected.bytes());
      }
      for (std::int64_t i = 0; i < row; ++i) {
        const float wanted = expected.data<float>()[i];
        ASSERT_NEAR(values[i], wanted, 1e-5 * std::abs(wanted)) << output << " at " << i;
      }
    }
  }
}

struct Way {
  int threads;
  std::int64_t batch;
};
// Every number of threads, and batches that divide among them and that do not.
constexpr Way kWays[] = {{1, 1}, {2, 3}, {3, 8}, {4, 1}, {4, 3}, {2, 8}, {3, 3}, {1, 3}};
constexpr std::size_t kSanitizedWays = 2;
constexpr std::size_t kEmulatedWays = 3;  // emulated matrix tiles are slow

void RunWays(std::size_t ways, const std::string& path, const std::vector<Tensor>& images,
             Answers& first) {
  const Model model = Model::Compile(ReadOnnx(path), {.use_cache = false});
  const TensorInfo input = model.inputs()[0];
  for (const auto& [threads, wanted] : std::span(kWays).first(ways)) {
    const std::int64_t batch = input.shape[0] >= 0 ? 1 : wanted;
    SCOPED_TRACE("threads " + std::to_string(threads) + ", batch " + std::to_string(batch));
    Session session = model.NewSession({.threads = threads, .share_cores = false});
    ExpectAsFirst(session.Run({{input.name, Batch(images, batch)}}), batch, images.size(), first);
  }
}

class SameIntegers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (QuantisedCases().empty()) {
      GTEST_SKIP() << "no quantised models in " << testing::SharedDataDir();
    }
  }
};

TEST_F(SameIntegers, OnEveryTargetAndOnTilesForAnyThreadsAndBatch) {
  for (const auto& [path, inputs] : QuantisedCases()) {
    SCOPED_TRACE(path);
    std::vector<Tensor> images;
    for (const std::string& input : inputs) {
      images.push_back(ReadNpy((testing::SharedDataDir() / input).string()));
    }
    Answers first(images.size());
    const std::string file = (testing::SharedDataDir() / path).string();
    const std::size_t ways = testing::kSanitized ? kSanitizedWays : std::size(kWays);
    testing::ForEachTarget([&] { RunWays(ways, file, images, first); });
    const testing::MadeUpTiles tiles(kernels::TileMode::kEmulated);
    RunWays(testing::kSanitized ? 1 : kEmulatedWays, file, images, first);
  }
}

}  // namespace
}  // namespace kinglet::golden_test
