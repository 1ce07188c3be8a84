#include <cmath>
#include <cstdint>

#include "kinglet/preprocess.h"
#include "vision/decode/fail.h"

namespace kinglet {
namespace {

constexpr double kSlimCrop = 0.875;

PreprocessSpec Spec(int width, int height, double crop, std::array<float, 3> mean,
                    std::array<float, 3> stddev) {
  PreprocessSpec spec;
  spec.width = width;
  spec.height = height;
  spec.central_crop = crop;
  spec.mean = mean;
  spec.stddev = stddev;
  return spec;
}

constexpr std::array<float, 3> kHalf = {127.5f, 127.5f, 127.5f};

struct Named {
  const char* name;
  PreprocessSpec (*make)(int, int);
};
constexpr Named kNamed[] = {{"slim", SlimPreprocess},
                            {"torch", TorchPreprocess},
                            {"caffe", CaffePreprocess},
                            {"ssd", SsdPreprocess},
                            {"ultraface", UltraFacePreprocess}};

template <typename... Parts>
[[noreturn]] void Refuse(const Parts&... parts) {
  vision::Fail(ErrorCode::kInvalidInput, "preprocessing", parts...);
}

void CheckSizes(const PreprocessSpec& spec) {
  constexpr int kLargestSide = 1 << 15;
  if (spec.width < 1 || spec.width > kLargestSide || spec.height < 1 ||
      spec.height > kLargestSide) {
    Refuse("an output of ", spec.width, "x", spec.height, " pixels; both sides have to be 1 to ",
           kLargestSide);
  }
  if (spec.fit == FitRule::kShortestSide &&
      (spec.resize_shortest < spec.width || spec.resize_shortest < spec.height ||
       spec.resize_shortest > kLargestSide)) {
    Refuse("the shortest side becomes ", spec.resize_shortest, ", too small to cut out ",
           spec.width, "x", spec.height, ", or above ", kLargestSide);
  }
}

}  // namespace

PreprocessSpec SlimPreprocess(int width, int height) {
  return Spec(width, height, kSlimCrop, kHalf, kHalf);
}

PreprocessSpec TorchPreprocess(int width, int height) {
  PreprocessSpec spec =
      Spec(width, height, kSlimCrop, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f});
  spec.max_value = 1.0f;
  return spec;
}

PreprocessSpec CaffePreprocess(int width, int height) {
  PreprocessSpec spec = Spec(width, height, kSlimCrop, {104.0f, 117.0f, 123.0f}, {1, 1, 1});
  spec.color_order = ColorOrder::kBgr;
  return spec;
}

PreprocessSpec SsdPreprocess(int width, int height) {
  return Spec(width, height, 1.0, kHalf, kHalf);
}

PreprocessSpec UltraFacePreprocess(int width, int height) {
  return Spec(width, height, 1.0, {127.0f, 127.0f, 127.0f}, {128.0f, 128.0f, 128.0f});
}

PreprocessSpec NamedPreprocess(std::string_view name, int width, int height) {
  std::string names;
  for (const Named& named : kNamed) {
    if (name == named.name) return named.make(width, height);
    names += (names.empty() ? "" : ", ") + std::string(named.name);
  }
  Refuse("no rule is named \"", name, "\"; the names are ", names);
}

void CheckPreprocess(const PreprocessSpec& spec) {
  CheckSizes(spec);
  if (!(spec.central_crop > 0.0 && spec.central_crop <= 1.0)) {
    Refuse("a central crop of ", spec.central_crop, "; it has to be above 0 and at most 1");
  }
  if (!(spec.max_value > 0.0f) || !std::isfinite(spec.max_value)) {
    Refuse("a maximum value of ", spec.max_value, "; 255 and 1 are usual");
  }
  if (!std::isfinite(spec.pad_value)) Refuse("a pad value of ", spec.pad_value);
  for (std::size_t c = 0; c < 3; ++c) {
    if (!std::isfinite(spec.mean[c])) Refuse("a mean of ", spec.mean[c], " in channel ", c);
    if (!std::isfinite(spec.stddev[c]) || spec.stddev[c] == 0.0f) {
      Refuse("a deviation of ", spec.stddev[c], " in channel ", c, "; values are divided by it");
    }
  }
}

Shape PreprocessedShape(const PreprocessSpec& spec) {
  if (spec.layout == ImageLayout::kNhwc) return {1, spec.height, spec.width, 3};
  return {1, 3, spec.height, spec.width};
}

}  // namespace kinglet
