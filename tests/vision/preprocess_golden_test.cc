// Preprocessed pictures against the references of the shared test data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kinglet/preprocess.h"
#include "tests/vision/npy.h"
#include "tests/vision/shared_data.h"

namespace kinglet::preprocess_golden_test {
namespace {

using testing::SharedData;

struct Golden {
  std::string file, picture;
  PreprocessSpec spec;
};

// Each input's picture and rule are in its name: cat_720p.slim128.npy.
std::vector<Golden> GoldenInputs() {
  std::vector<Golden> inputs;
  for (const auto& item : std::filesystem::directory_iterator(SharedData() / "golden" / "inputs")) {
    const std::string file = item.path().filename().string();
    const std::string stem = item.path().stem().string();
    const std::string rule = stem.substr(stem.rfind('.') + 1);
    const std::string name = rule.substr(0, rule.find_first_of("0123456789"));
    const int size = std::stoi(rule.substr(name.size()));
    Golden golden{file, stem.substr(0, stem.rfind('.')), {}};
    golden.spec = NamedPreprocess(name, size, name == "ultraface" ? 240 : size);
    inputs.push_back(golden);
  }
  return inputs;
}

Image PictureNamed(const std::string& stem) {
  for (const char* extension : {".jpg", ".JPEG", ".bmp"}) {
    const auto path = SharedData() / "images" / (stem + extension);
    if (std::filesystem::exists(path)) return ReadImage(path.string());
  }
  ADD_FAILURE() << stem;
  return {};
}

TEST(Preprocess, AgreesWithTheGoldenInputs) {
  KINGLET_NEEDS_SHARED_DATA();
  const std::vector<Golden> inputs = GoldenInputs();
  ASSERT_GE(inputs.size(), 18u);
  int lossless = 0;
  for (const Golden& golden : inputs) {
    SCOPED_TRACE(golden.file);
    const testing::NpyFloats want =
        testing::ReadNpy(SharedData() / "golden" / "inputs" / golden.file);
    const Tensor tensor = Preprocess(PictureNamed(golden.picture), golden.spec);
    ASSERT_EQ(tensor.shape(), want.shape);
    double sum = 0, largest = 0;
    for (std::size_t i = 0; i < want.values.size(); ++i) {
      const double diff = std::abs(tensor.data<float>()[i] - want.values[i]);
      sum += diff;
      largest = std::max(largest, diff);
    }
    const double mean = sum / static_cast<double>(want.values.size());
    // In levels of 255: how far this rule's values are apart for neighbouring levels.
    const double level = static_cast<double>(golden.spec.max_value) / 255.0 /
                         static_cast<double>(golden.spec.stddev[0]);
    RecordProperty(golden.file, std::to_string(mean / level));
    if (golden.picture == "grace_hopper") {
      ++lossless;
      EXPECT_LT(largest, 1e-5);
    } else {
      EXPECT_LT(mean / level, 0.2);
    }
  }
  EXPECT_GE(lossless, 1);
}

}  // namespace
}  // namespace kinglet::preprocess_golden_test
