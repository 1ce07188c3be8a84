// Every convolution variant with bfloat16, on every target, against the definition in double; those
// on matrix tiles by their emulation, and by the hardware where it is there, bit for bit; those
// that multiply pairs where the CPU does, and by multiply-adds of float32 everywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/cpu_target.h"
#include "kernels/common/half.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/pairs_bf16.h"
#include "kernels/depthwise/depthwise3_bf16.h"
#include "tests/support/conv_reference.h"
#include "tests/support/made_up_cpu.h"
#include "tests/support/made_up_tiles.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::bf16_conv_test {
namespace {

using testing::ConvReference;
using testing::MadeUpTiles;
using testing::Random;

enum class Residual { kNone, kSeparate, kAliased };

struct Case {
  ConvShape shape = {};
  Epilogue epilogue = {};
  Residual residual = Residual::kNone;
  bool bias = true;
  int64_t units_per_call = 0;  // 0: all in one call
  int64_t gap = 0;             // elements between the images of the output
};

ConvShape Square(int64_t ic, int64_t size, int64_t oc, int kernel, int stride, int pad,
                 int64_t groups = 1, int64_t n = 1) {
  ConvShape s;
  s.n = n;
  s.ic = ic;
  s.ih = s.iw = size;
  s.oc = oc;
  s.kh = s.kw = kernel;
  s.sh = s.sw = stride;
  s.pad_top = s.pad_left = pad;
  s.oh = s.ow = (size + 2 * pad - kernel) / stride + 1;
  s.groups = groups;
  return s;
}

// Memory between two fences, which are checked.
class Fenced {
 public:
  Fenced(int64_t bytes, unsigned char fill = 0)
      : bytes_(static_cast<size_t>(bytes)), memory_(bytes_ + 2 * kFence) {
    std::memset(memory_.data(), kByte, memory_.size());
    std::memset(data(), fill, bytes_);
  }
  unsigned char* data() { return memory_.data() + kFence; }
  bool Intact() {
    const unsigned char* all = memory_.data();
    const auto is_fence = [](unsigned char b) { return b == kByte; };
    return std::all_of(all, all + kFence, is_fence) &&
           std::all_of(all + kFence + bytes_, all + memory_.size(), is_fence);
  }
  size_t size() const { return bytes_; }

 private:
  static constexpr size_t kFence = 256;
  static constexpr unsigned char kByte = 0x5A;
  size_t bytes_;
  AlignedBuffer<unsigned char> memory_;
};

float Load(ElementType type, const unsigned char* array, int64_t index) {
  if (type == ElementType::kFloat32) {
    float value;
    std::memcpy(&value, array + index * 4, 4);
    return value;
  }
  BFloat16 value;
  std::memcpy(&value, array + index * 2, 2);
  return ToFloat(value);
}

void Store(ElementType type, float value, unsigned char* array, int64_t index) {
  if (type == ElementType::kFloat32) {
    std::memcpy(array + index * 4, &value, 4);
  } else {
    const BFloat16 narrow = ToBFloat16(value);
    std::memcpy(array + index * 2, &narrow, 2);
  }
}

int64_t IndexIn(TensorDesc desc, int64_t n, int64_t c, int64_t p, int64_t channels, int64_t h,
                int64_t w) {
  if (!desc.blocked()) return (n * channels + c) * h * w + p;
  return BlockedIndex(n, c, p / w, p % w, channels, h, w, PixelBlock(desc.type));
}

void Fill(TensorDesc desc, const std::vector<float>& plain, int64_t n, int64_t c, int64_t h,
          int64_t w, unsigned char* to) {
  size_t i = 0;
  for (int64_t image = 0; image < n; ++image) {
    for (int64_t k = 0; k < c; ++k) {
      for (int64_t p = 0; p < h * w; ++p) {
        Store(desc.type, plain[i++], to, IndexIn(desc, image, k, p, c, h, w));
      }
    }
  }
}

struct Operands {
  std::vector<float> input, weights, bias, residual;
  ConvReference want;
};

// All but the bias are bfloat16: rounding them changes nothing.
Operands OperandsOf(const Case& test) {
  const ConvShape& s = test.shape;
  Random random(17);
  const auto values = [&](int64_t count) {
    std::vector<float> all = random.Floats(static_cast<size_t>(count));
    for (float& x : all) x = ToFloat(ToBFloat16(x));
    return all;
  };
  Operands o;
  o.input = values(s.n * s.ic * s.ih * s.iw);
  o.weights = values(s.oc * (s.ic / s.groups) * s.kh * s.kw);
  if (test.bias) o.bias = random.Floats(static_cast<size_t>(s.oc));
  if (test.residual != Residual::kNone) o.residual = values(s.n * s.oc * s.oh * s.ow);
  o.want = testing::NaiveConv(s, o.input, o.weights, o.bias, o.residual, test.epilogue);
  return o;
}

void RunUnits(const ConvVariant& variant, const Case& test, ConvArgs args, void* scratch) {
  const int64_t units = variant.units(test.shape);
  ASSERT_GE(units, 1);
  const int64_t step = test.units_per_call == 0 ? units : test.units_per_call;
  for (int64_t begin = 0; begin < units; begin += step) {
    variant.run(test.shape, args, begin, std::min(begin + step, units), scratch);
    args.again = true;
  }
}

void ExpectOutput(const ConvVariant& variant, const Case& test, const ConvReference& want,
                  const unsigned char* output, int64_t image_elements) {
  const ConvShape& s = test.shape;
  const ElementType type = variant.output.type;
  const bool mixes = variant.error_factor != 0;
  const double depth = (static_cast<double>(s.ic / s.groups) * s.kh * s.kw + 3) *
                       (mixes ? variant.error_factor : 1.0);
  const double rounding = type == ElementType::kBFloat16 ? 0x1p-8 : 1e-6;
  const double slope = test.epilogue.activation == Activation::kHardSwish ? 1.5 : 1.1;
  size_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    const unsigned char* image = output + n * (image_elements + test.gap) * ElementBytes(type);
    for (int64_t c = 0; c < RoundUpToBlock(s.oc, PixelBlock(type)); ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        const float got = Load(type, image, IndexIn(variant.output, 0, c, p, s.oc, s.oh, s.ow));
        if (c >= s.oc) {
          ASSERT_EQ(got, 0.0f) << "pad lane " << c << " pixel " << p;
          continue;
        }
        const double magnitude = mixes ? want.mixed_magnitude[i] : want.magnitude[i];
        const double bound =
            slope * depth * 0x1p-24 * magnitude + rounding * std::abs(want.values[i]) + 1e-7;
        ASSERT_NEAR(got, want.values[i], bound)
            << "image " << n << " channel " << c << " pixel " << p;
        ++i;
      }
    }
  }
}

std::vector<unsigned char> Check(const ConvVariant& variant, const Case& test,
                                 const Operands& operands) {
  const ConvShape& s = test.shape;
  const auto bytes = [](TensorDesc desc, int64_t n, int64_t c, int64_t h, int64_t w) {
    return StoredCount(desc, n, c, h, w) * ElementBytes(desc.type);
  };
  Fenced input(bytes(variant.input, s.n, s.ic, s.ih, s.iw));
  Fill(variant.input, operands.input, s.n, s.ic, s.ih, s.iw, input.data());
  Fenced bias(RoundUpToBlock(s.oc) * 4);
  std::copy(operands.bias.begin(), operands.bias.end(), reinterpret_cast<float*>(bias.data()));
  Fenced packed(static_cast<int64_t>(variant.packed_bytes(s)), 0x7F);
  variant.pack(s, operands.weights.data(), packed.data());
  EXPECT_TRUE(packed.Intact());
  constexpr unsigned char kUntouched = 77;
  const int64_t image = StoredCount(variant.output, 1, s.oc, s.oh, s.ow);
  const int64_t element = ElementBytes(variant.output.type);
  Fenced output(s.n * (image + test.gap) * element, kUntouched);
  Fenced residual(operands.residual.empty() ? 0 : s.n * image * element);
  if (!operands.residual.empty()) {
    const bool aliased = test.residual == Residual::kAliased;
    if (aliased) std::memset(output.data(), 0, output.size());
    Fill(variant.output, operands.residual, s.n, s.oc, s.oh, s.ow,
         aliased ? output.data() : residual.data());
  }
  Fenced scratch(static_cast<int64_t>(variant.scratch_bytes(s)), 0xFF);  // NaNs
  ConvArgs args;
  args.input = input.data();
  args.packed = packed.data();
  args.bias = test.bias ? reinterpret_cast<float*>(bias.data()) : nullptr;
  args.residual = test.residual == Residual::kNone      ? nullptr
                  : test.residual == Residual::kAliased ? output.data()
                                                        : residual.data();
  args.output = output.data();
  args.output_stride = test.gap == 0 ? 0 : image + test.gap;
  args.epilogue = test.epilogue;
  args.epilogue.type = variant.output.type;
  RunUnits(variant, test, args, scratch.data());
  EXPECT_TRUE(output.Intact()) << "output";
  EXPECT_TRUE(scratch.Intact()) << "scratch";
  ExpectOutput(variant, test, operands.want, output.data(), image);
  for (int64_t n = 0; n < s.n; ++n) {
    const unsigned char* gap = output.data() + (n * (image + test.gap) + image) * element;
    for (int64_t k = 0; k < test.gap * element; ++k) EXPECT_EQ(gap[k], kUntouched);
  }
  return {output.data(), output.data() + output.size()};
}

bool HasBFloat16(const ConvVariant& variant) {
  const OperandTypes types = TypesOf(variant);
  return types.input == ElementType::kBFloat16 || types.output == ElementType::kBFloat16;
}

// What runs here: variants that the CPU has instructions for, and the plain forms of those that
// need some.
std::vector<ConvVariant> VariantsOfBFloat16() {
  std::vector<ConvVariant> variants = {WidenedPairsConvBf16(), WidenedPairsConvBf16F32(),
                                       PlainDepthwise3ConvBf16()};
  for (const ConvVariant& variant : ConvVariants()) {
    if (HasBFloat16(variant) && UsableFeatures().Contains(variant.needs)) {
      variants.push_back(variant);
    }
  }
  return variants;
}

bool Has(const ConvVariant& variant, std::string_view word) {
  return std::string_view(variant.id).find(word) != std::string_view::npos;
}
bool IsDepthwise(const ConvVariant& variant) { return Has(variant, "depthwise"); }
bool IsWinograd(const ConvVariant& variant) { return Has(variant, "winograd"); }
bool IsFirst(const ConvVariant& variant) { return !variant.input.blocked(); }
bool IsAny(const ConvVariant& variant) {
  return !IsDepthwise(variant) && !IsWinograd(variant) && !IsFirst(variant);
}
bool IsAnyOrFirst(const ConvVariant& variant) { return IsAny(variant) || IsFirst(variant); }

bool IsOnTiles(const ConvVariant& variant) { return Has(variant, "tiles"); }

bool HasHardware() {
  return ActiveTarget() == "avx512" && DetectedCpu().features.Has(CpuFeature::kAmxBf16) &&
         RequestTilePermission();
}

// Every variant that `is_meant` must have met a case that it supports.
void CheckAll(const std::vector<Case>& cases, bool (*is_meant)(const ConvVariant&)) {
  static constexpr TileMode kEmulated = TileMode::kEmulated;
  static constexpr TileMode kHardware = TileMode::kHardware;
  const MadeUpTiles emulated(kEmulated);
  std::set<std::string_view> unmet;
  for (const ConvVariant& variant : VariantsOfBFloat16()) {
    if (is_meant(variant)) unmet.insert(variant.id);
  }
  for (const Case& test : cases) {
    const ConvShape& s = test.shape;
    SCOPED_TRACE("ic " + std::to_string(s.ic) + " " + std::to_string(s.ih) + "x" +
                 std::to_string(s.iw) + " oc " + std::to_string(s.oc) + " kernel " +
                 std::to_string(s.kh) + "x" + std::to_string(s.kw) + " stride " +
                 std::to_string(s.sh) + " dilation " + std::to_string(s.dh));
    const Operands operands = OperandsOf(test);
    testing::ForEachTarget([&] {
      for (const ConvVariant& variant : VariantsOfBFloat16()) {
        if (!variant.supports(s)) continue;
        SCOPED_TRACE(variant.id);
        unmet.erase(variant.id);
        const auto got = Check(variant, test, operands);
        if (!IsOnTiles(variant) || !HasHardware()) continue;
        MakeUpActiveTiles(&kHardware);
        EXPECT_EQ(Check(variant, test, operands), got);
        MakeUpActiveTiles(&kEmulated);
      }
    });
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_THAT(unmet, ::testing::IsEmpty());
}

TEST(Bf16Conv, ChannelTails) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 2, 3, 15, 16, 17, 31, 32, 33, 47, 64, 70}) {
    cases.push_back({Square(c, 5, 40, 1, 1, 0)});
    cases.push_back({Square(24, 5, c, 1, 1, 0)});
    cases.push_back({Square(c, 4, c, 3, 1, 1)});
  }
  CheckAll(cases, &IsAnyOrFirst);
}

TEST(Bf16Conv, EveryPixelCount) {
  std::vector<Case> cases;
  for (int64_t pixels = 1; pixels <= 50; pixels += pixels < 35 ? 1 : 5) {
    ConvShape s = Square(19, 1, 40, 1, 1, 0);
    s.iw = s.ow = pixels;
    cases.push_back({s});
    s = Square(34, 1, 33, 3, 1, 1);
    s.iw = s.ow = pixels;
    cases.push_back({s});
  }
  CheckAll(cases, &IsAny);
}

TEST(Bf16Conv, KernelsStridesDilationsAndPads) {
  std::vector<Case> cases;
  for (const int64_t ic : {3, 40}) {
    for (const auto& [kh, kw] : {std::pair{1, 1}, {3, 3}, {5, 5}, {7, 7}, {1, 7}, {7, 1}, {2, 4}}) {
      for (const int stride : {1, 2, 3}) {
        for (const int dilation : {1, 2}) {
          for (const int pad : {0, 1, 3}) {
            if (ic > 3 && pad == 1 && kh != 3) continue;
            ConvShape s;
            s.ic = ic;
            s.ih = 13;
            s.iw = 14;
            s.oc = 18;
            s.kh = kh;
            s.kw = kw;
            s.sh = stride;
            s.sw = stride == 3 ? 1 : stride;
            s.dh = dilation;
            s.dw = dilation == 2 ? 1 : 2;
            s.pad_top = pad;
            s.pad_left = pad == 3 ? 1 : pad;
            s.oh = (s.ih + 2 * pad + 1 - (kh - 1) * s.dh - 1) / s.sh + 1;
            s.ow = (s.iw + 2 * s.pad_left - (kw - 1) * s.dw - 1) / s.sw + 1;
            if (s.oh < 1 || s.ow < 1) continue;
            cases.push_back({s});
          }
        }
      }
    }
  }
  CheckAll(cases, &IsAnyOrFirst);
}

// Planes of few channels: all widths around a tile, kernels up to eight columns.
TEST(Bf16Conv, FirstLayers) {
  std::vector<Case> cases;
  for (const int64_t ic : {1, 3, 4}) {
    for (const auto& [kernel, stride] : {std::pair{3, 2}, {3, 1}, {7, 2}, {8, 8}, {4, 4}}) {
      for (const int64_t size : {8, 15, 33, 70}) {
        Case test{.shape = Square(ic, size, ic == 4 ? 70 : 24, kernel, stride, kernel / 2, 1, 2),
                  .epilogue = {.activation = Activation::kRelu},
                  .residual = ic == 1 ? Residual::kAliased : Residual::kNone,
                  .units_per_call = size % 4};
        test.gap = size == 33 && ic > 1 ? 64 : 0;
        cases.push_back(test);
        test.shape.pad_left = -1;
        test.shape.ow = (size - 1 - kernel) / stride + 1;
        if (size > kernel) cases.push_back(test);
      }
    }
  }
  CheckAll(cases, &IsAnyOrFirst);
}

TEST(Bf16Conv, Depthwise) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 31, 33, 64}) {
    for (const int kernel : {1, 3, 5, 7}) {
      for (const int stride : {1, 2, 3}) {
        for (const int64_t size : {1, 2, 7, 9, 18}) {
          for (const int pad : {0, kernel / 2, kernel}) {
            if (size + 2 * pad < kernel) continue;
            const ConvShape s = Square(c, size, c, kernel, stride, pad, c, 2);
            cases.push_back({.shape = s,
                             .epilogue = {.activation = Activation::kClip, .alpha = 0, .beta = 1},
                             .residual = c == 33 ? Residual::kAliased : Residual::kNone,
                             .units_per_call = size % 3});
          }
        }
      }
    }
  }
  ConvShape dilated = Square(40, 15, 40, 3, 1, 2, 40);
  dilated.dh = dilated.dw = 2;
  dilated.oh = dilated.ow = 15;
  cases.push_back({dilated});
  // A single channel is no group of its own.
  std::erase_if(cases, [](const Case& c) { return c.shape.ic == 1; });
  CheckAll(cases, &IsDepthwise);
}

TEST(Bf16Conv, Winograd) {
  std::vector<Case> cases;
  for (const auto& [kh, kw] : {std::pair{3, 3}, {5, 5}, {1, 3}, {3, 1}, {1, 7}, {7, 1}}) {
    for (const int64_t oc : {8, 18, 40, 70}) {
      for (const int64_t size : {1, 7, 10}) {
        Case test{.shape = Square(oc == 40 ? 24 : 33, size, oc, 1, 1, 0, 1, 2),
                  .epilogue = {.activation = oc == 8 ? Activation::kSigmoid : Activation::kRelu},
                  .residual = oc == 70 ? Residual::kAliased : Residual::kNone,
                  .units_per_call = size % 2,
                  .gap = oc == 18 ? 32 : 0};
        test.shape.kh = kh;
        test.shape.kw = kw;
        test.shape.pad_top = kh / 2;
        test.shape.pad_left = kw / 2;
        cases.push_back(test);
      }
    }
  }
  CheckAll(cases, &IsWinograd);
}

// Dense layers: maps of one pixel, of which a batch is one product.
TEST(Bf16Conv, MapsOfOnePixel) {
  std::vector<Case> cases;
  for (const int64_t n : {1, 2, 7, 13, 30}) {
    for (const int64_t oc : {10, 40, 64, 100}) {
      cases.push_back({.shape = Square(70, 1, oc, 1, 1, 0, 1, n),
                       .residual = oc == 40 ? Residual::kSeparate : Residual::kNone,
                       .units_per_call = n % 3,
                       .gap = n == 7 ? 64 : 0});
    }
  }
  CheckAll(cases, &IsAny);
}

TEST(Bf16Conv, EpiloguesAndResiduals) {
  std::vector<Case> cases;
  const Epilogue epilogues[] = {{},
                                {.activation = Activation::kRelu},
                                {.activation = Activation::kClip, .alpha = 0, .beta = 6},
                                {.activation = Activation::kClip, .alpha = -0.5f, .beta = 0.25f},
                                {.activation = Activation::kClip, .alpha = 0.5f, .beta = 2},
                                {.activation = Activation::kSigmoid},
                                {.activation = Activation::kHardSwish}};
  for (const Epilogue& epilogue : epilogues) {
    for (const Residual residual : {Residual::kNone, Residual::kSeparate, Residual::kAliased}) {
      for (const int64_t size : {3, 7}) {
        cases.push_back({Square(33, size, 72, 1, 1, 0, 1, 2), epilogue, residual});
      }
      cases.push_back({Square(33, 9, 40, 3, 1, 1, 1, 2), epilogue, residual});
      cases.push_back({Square(20, 9, 40, 3, 2, 1), epilogue, residual, false});
    }
  }
  CheckAll(cases, &IsAny);
}

TEST(Bf16Conv, GroupsUnitsAndStridedOutputs) {
  std::vector<Case> cases;
  for (const int64_t units_per_call : {1, 2, 3}) {
    cases.push_back(
        {.shape = Square(64, 6, 96, 3, 1, 1, 1, 3), .units_per_call = units_per_call, .gap = 64});
    ConvShape grouped = Square(128, 6, 64, 3, 1, 1, 2, 2);
    cases.push_back({.shape = grouped, .units_per_call = units_per_call, .gap = 128});
    cases.push_back({.shape = Square(32, 40, 64, 1, 1, 0), .units_per_call = units_per_call});
    cases.push_back({.shape = Square(32, 41, 40, 3, 2, 1), .units_per_call = units_per_call});
    cases.push_back({.shape = Square(640, 3, 640, 1, 1, 0), .units_per_call = units_per_call});
  }
  CheckAll(cases, &IsAny);
}

TEST(Bf16Conv, PairsAreLeftAloneWhereTheCpuDoesNotMultiplyThem) {
  const Cpu without = {.features = DetectedCpu().features - CpuFeatures{CpuFeature::kAvx512Bf16},
                       .caches = DetectedCpu().caches};
  const testing::MadeUpCpu cpu(without);
  for (const ConvVariant& variant : ConvVariants()) {
    if (Has(variant, "pairs") || Has(variant, "depthwise3")) {
      EXPECT_FALSE(UsableFeatures().Contains(variant.needs)) << variant.id;
    }
  }
}

TEST(Bf16Conv, TilesAreLeftAloneWhereTheyAreOff) {
  const MadeUpTiles off(TileMode::kOff);
  for (const ConvVariant& variant : ConvVariants()) {
    if (IsOnTiles(variant)) {
      EXPECT_FALSE(variant.supports(Square(64, 7, 64, 1, 1, 0))) << variant.id;
    }
  }
}

}  // namespace
}  // namespace kinglet::kernels::bf16_conv_test
