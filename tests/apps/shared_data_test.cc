// The command on real networks and pictures, and on broken ones.
#include "tests/vision/shared_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "kinglet/npy.h"
#include "tests/apps/command.h"
#include "tests/support/sanitized.h"

namespace kinglet::testing::shared_data_test {
namespace {

using ::testing::AnyOf;
using ::testing::SizeIs;

// Best index of each picture, by model.
std::map<std::string, std::map<std::string, int>> GoldenTop1() {
  std::map<std::string, std::map<std::string, int>> golden;
  std::ifstream stream(SharedData() / "golden/top5.tsv");
  std::string line;
  std::getline(stream, line);  // the heading
  while (std::getline(stream, line)) {
    std::istringstream fields(line);
    std::string model;
    std::string image;
    int index = -1;
    std::getline(fields, model, '\t');
    std::getline(fields, image, '\t');
    fields >> index;
    golden[model][image] = index;
  }
  return golden;
}

struct GoldenModel {
  const char* name;
  std::vector<std::string> options;
};

void PrintTo(const GoldenModel& model, std::ostream* out) { *out << model.name; }

class GoldenModelTest : public ::testing::TestWithParam<GoldenModel> {};

TEST_P(GoldenModelTest, Top1IsTheReferences) {
  KINGLET_NEEDS_SHARED_DATA();
  const GoldenModel& model = GetParam();
  const auto golden = GoldenTop1()[model.name];
  ASSERT_FALSE(golden.empty());
  std::vector<std::string> arguments = {
      "classify", "--json",
      "--top",    "1",
      "--model",  (SharedData() / "models" / (std::string(model.name) + ".onnx")).string()};
  arguments.insert(arguments.end(), model.options.begin(), model.options.end());
  for (const auto& [image, index] : golden) {
    arguments.push_back((SharedData() / "images" / image).string());
  }
  const CommandResult result = Kinglet(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  std::size_t equal = 0;
  for (const std::string& line : result.OutLines()) {
    const auto json = nlohmann::json::parse(line);
    const std::string image = std::filesystem::path(json.at("image")).filename().string();
    const int index = json.at("top").at(0).at("index");
    equal += index == golden.at(image);
    if (index != golden.at(image)) {
      std::printf("%s %s: %d, reference %d\n", model.name, image.c_str(), index, golden.at(image));
    }
  }
  EXPECT_GE(equal + 1, golden.size()) << equal << " of " << golden.size();
}

INSTANTIATE_TEST_SUITE_P(
    Shared, GoldenModelTest,
    ::testing::Values(
        GoldenModel{"mobilenet_v1_0.25_128", {"-d", "mobilenet_v1"}},
        GoldenModel{"mobilenet_v1_0.5_160", {"-d", "mobilenet_v1"}},
        GoldenModel{"mobilenet_v1_0.75_192_w8", {"-d", "mobilenet_v1"}},
        GoldenModel{"mobilenet_v1_1.0_224_w8", {"-d", "mobilenet_v1"}},
        GoldenModel{"mobilenet_v2_1.0_224", {"-d", "mobilenet_v2", "--preprocess", "slim"}},
        GoldenModel{"inception_v2_224_w8", {"-d", "inception_v2", "--preprocess", "torch"}},
        GoldenModel{"squeezenet_1.0_227", {"-d", "squeezenet"}}));

// A class name where the index alone would hide an offset by one.
TEST(SharedDataTest, NamesFollowTheNumberOfClasses) {
  KINGLET_NEEDS_SHARED_DATA();
  const std::string picture = (SharedData() / "images/n02077923_sea_lion.JPEG").string();
  const auto label = [&](const std::string& model, const std::string& descriptor) {
    return Kinglet({"classify", "--json", "--top", "1", "-d", descriptor, "--model",
                    (SharedData() / "models" / (model + ".onnx")).string(), picture})
        .OutJson()
        .at("top")
        .at(0)
        .at("label")
        .get<std::string>();
  };
  EXPECT_EQ(label("mobilenet_v1_1.0_224_w8", "mobilenet_v1"), "sea lion");  // 1001 outputs
  EXPECT_EQ(label("squeezenet_1.0_227", "squeezenet"), "sea lion");         // 1000 outputs
}

TEST(SharedDataTest, RunGivesTheReferenceOutput) {
  KINGLET_NEEDS_SHARED_DATA();
  const TemporaryFolder folder;
  const auto golden = SharedData() / "golden";
  const CommandResult result = Kinglet(
      {"run", (SharedData() / "models/mobilenet_v1_0.25_128.onnx").string(), "--input",
       "input=" + (golden / "inputs/cat_720p.slim128.npy").string(), "-o", folder.Path("out")});
  ASSERT_EQ(result.status, 0) << result.err;
  const Tensor found = ReadNpy(folder.Path("out/output.npy"));
  const Tensor expected = ReadNpy((golden / "mobilenet_v1_0.25_128/cat_720p.output.npy").string());
  ASSERT_EQ(found.shape(), expected.shape());
  for (std::int64_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found.data<float>()[i], expected.data<float>()[i], 1e-4f) << i;
  }
}

TEST(SharedDataTest, QuantisedWeightsAreParameters) {
  KINGLET_NEEDS_SHARED_DATA();
  const auto parameters = [](const char* model) {
    return Kinglet({"info", "--json", (SharedData() / "models" / model).string()})
        .OutJson()
        .at("parameters")
        .get<double>();
  };
  const double plain = parameters("mobilenet_v2_1.0_224.onnx");
  EXPECT_NEAR(plain / 1e6, 3.49, 0.01);
  EXPECT_NEAR(parameters("mobilenet_v2_1.0_224_qdq.onnx"), plain, 0.001 * plain);
}

// Valid, or harmless: these may run.
const std::set<std::string> kMayRun = {
    "ok_tiny_conv.onnx",     "not_sorted.onnx",         "name_not_utf8.onnx",
    "both_data_fields.onnx", "nan_weights.onnx",        "pool_pads_over_kernel.onnx",
    "no_opset.onnx",         "input_negative_dim.onnx", "duplicate_initializer.onnx"};

void ExpectOneError(const CommandResult& result, const std::string& name) {
  EXPECT_THAT(result.status, AnyOf(3, 4)) << name << ": " << result.err;
  EXPECT_THAT(result.ErrLines(), SizeIs(1)) << name << ": " << result.err;
  EXPECT_EQ(result.out, "") << name;
  if (kSanitized) return;
  EXPECT_LT(result.cpu_seconds, 1.0) << name;
  EXPECT_LT(result.peak_bytes, std::size_t{200} << 20) << name;
}

TEST(SharedDataTest, MalformedModelsAreOneErrorEach) {
  KINGLET_NEEDS_SHARED_DATA();
  const TemporaryFolder folder;
  const std::string input = folder.Path("x.npy");
  WriteNpy(input, Tensor(DataType::kFloat32, {1, 3, 8, 8}));
  int refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SharedData() / "onnx-broken")) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".onnx") continue;
    const CommandResult result = Kinglet({"run", entry.path().string(), "--input", "x=" + input,
                                          "--output-dir", folder.Path("out")});
    if (result.status == 0 && kMayRun.count(name) != 0) continue;
    ExpectOneError(result, name);
    ++refused;
  }
  EXPECT_GT(refused, 60);
}

TEST(SharedDataTest, BrokenPicturesAreOneErrorEach) {
  KINGLET_NEEDS_SHARED_DATA();
  const std::string folder = (SharedData() / "images/broken").string();
  std::size_t pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    pictures += entry.is_regular_file() && entry.path().extension() != ".md";
  }
  const CommandResult result = Kinglet({"classify", "--json", folder});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.ErrLines().size() + result.OutLines().size(), pictures) << result.err;
  EXPECT_GE(result.ErrLines().size(), pictures - 4) << result.err;
  if (kSanitized) return;
  EXPECT_LT(result.peak_bytes, std::size_t{400} << 20);
}

TEST(SharedDataTest, OddPicturesAreRead) {
  KINGLET_NEEDS_SHARED_DATA();
  std::vector<std::string> arguments = {"classify", "--json", "--top", "1"};
  for (const auto& entry : std::filesystem::directory_iterator(SharedData() / "images")) {
    if (entry.path().filename().string().starts_with("odd_")) arguments.push_back(entry.path());
  }
  const CommandResult result = Kinglet(arguments);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.OutLines().size(), arguments.size() - 4);
}

// Photographs show none of the drawn things that the built-in networks know.
TEST(SharedDataTest, FewPhotographsAreTakenForDrawnThings) {
  KINGLET_NEEDS_SHARED_DATA();
  std::vector<std::string> photographs;
  for (const auto& entry : std::filesystem::directory_iterator(SharedData() / "images")) {
    const std::string extension = entry.path().extension().string();
    const bool picture = extension == ".jpg" || extension == ".JPEG" || extension == ".bmp";
    const bool odd = entry.path().filename().string().starts_with("odd_");
    if (picture && !odd) photographs.push_back(entry.path());
  }
  ASSERT_GE(photographs.size(), 30u);
  for (const std::string network : {"demo", "demo_int8"}) {
    std::vector<std::string> arguments = {"classify", "--json", "--top", "1", "--model", network};
    arguments.insert(arguments.end(), photographs.begin(), photographs.end());
    const CommandResult result = Kinglet(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    const auto lines = result.OutLines();
    ASSERT_EQ(lines.size(), photographs.size());
    std::string named;
    std::size_t count = 0;
    for (const std::string& line : lines) {
      const auto json = nlohmann::json::parse(line);
      const std::string label = json.at("top").at(0).at("label");
      if (label == "none of these") continue;
      named += " " + json.at("image").get<std::string>() + " (" + label + ")";
      ++count;
    }
    EXPECT_LE(4 * count, photographs.size()) << network << ":" << named;
  }
}

}  // namespace
}  // namespace kinglet::testing::shared_data_test
