// Every convolution of codes on every target against sums in int64: bit for bit. Those on matrix
// tiles by their emulation, and by the hardware where it is there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <set>
#include <string_view>
#include <vector>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/cpu_target.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/quads.h"
#include "tests/support/made_up_tiles.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::integer_conv_test {

std::ostream& operator<<(std::ostream& out, const ConvShape& s);

namespace {

constexpr int64_t kCodes = PixelBlock(ElementType::kUInt8);
constexpr OperandTypes kTypes = {ElementType::kUInt8, ElementType::kInt16, ElementType::kUInt8};

struct Case {
  ConvShape shape = {};
  int32_t input_zero_point = 0;
  Requantisation requantisation = {.scale = 0.01f, .zero_point = 7};
  bool per_channel = true;
  bool bias = true;
  int16_t low = -255, high = 255;  // weights
  int64_t units_per_call = 0;      // 0: all in one call
  int64_t gap = 0;                 // bytes between the images of the output
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

// Bytes at a 64-byte boundary between two fences.
class Fenced {
 public:
  explicit Fenced(int64_t bytes, uint8_t value = 0)
      : count_(static_cast<size_t>(bytes)), memory_(kFence + count_ + kFence) {
    std::fill(memory_.begin(), memory_.end(), kByte);
    std::fill_n(data(), count_, value);
  }
  uint8_t* data() { return memory_.data() + kFence; }
  const uint8_t* data() const { return memory_.data() + kFence; }
  bool Intact() const {
    const auto intact = [](uint8_t byte) { return byte == kByte; };
    return std::all_of(memory_.begin(), memory_.begin() + kFence, intact) &&
           std::all_of(memory_.end() - kFence, memory_.end(), intact);
  }

 private:
  static constexpr size_t kFence = 64;
  static constexpr uint8_t kByte = 0x5a;
  size_t count_;
  AlignedBuffer<uint8_t> memory_;
};

struct Operands {
  std::vector<uint8_t> input;  // NCHW
  std::vector<int16_t> weights;
  AlignedBuffer<int32_t> bias;
  std::vector<float> scales;
  Epilogue epilogue;
  std::vector<uint8_t> want;  // NCHW
};

int64_t Sum(const Case& test, const Operands& o, int64_t n, int64_t c, int64_t y, int64_t x) {
  const ConvShape& s = test.shape;
  const int64_t group_ic = s.ic / s.groups;
  const int64_t first = c / (s.oc / s.groups) * group_ic;
  int64_t sum = 0;
  for (int64_t k = 0; k < group_ic; ++k) {
    for (int64_t i = 0; i < s.kh; ++i) {
      const int64_t iy = y * s.sh - s.pad_top + i * s.dh;
      if (iy < 0 || iy >= s.ih) continue;
      for (int64_t j = 0; j < s.kw; ++j) {
        const int64_t ix = x * s.sw - s.pad_left + j * s.dw;
        if (ix < 0 || ix >= s.iw) continue;
        const auto at = static_cast<size_t>(((n * s.ic + first + k) * s.ih + iy) * s.iw + ix);
        const auto w = static_cast<size_t>(((c * group_ic + k) * s.kh + i) * s.kw + j);
        sum += (int64_t{o.input[at]} - test.input_zero_point) * o.weights[w];
      }
    }
  }
  return sum;
}

uint32_t Below(testing::Random& random, uint32_t bound) {
  return static_cast<uint32_t>(random.Next() >> 33) % bound;
}

Operands OperandsOf(const Case& test) {
  const ConvShape& s = test.shape;
  const auto count = [](int64_t n) { return static_cast<size_t>(n); };
  testing::Random random(17);
  Operands o;
  o.input.resize(count(s.n * s.ic * s.ih * s.iw));
  for (uint8_t& code : o.input) code = static_cast<uint8_t>(Below(random, 256));
  o.weights.resize(count(s.oc * (s.ic / s.groups) * s.kh * s.kw));
  const auto range = static_cast<uint32_t>(test.high - test.low + 1);
  for (int16_t& w : o.weights)
    w = static_cast<int16_t>(test.low + static_cast<int>(Below(random, range)));
  o.bias = AlignedBuffer<int32_t>(count(RoundUpToBlock(s.oc, kCodes)));
  for (size_t c = 0; c < count(s.oc); ++c) {
    if (test.bias) o.bias[c] = static_cast<int32_t>(Below(random, 20000)) - 10000;
  }
  o.epilogue = {.type = ElementType::kUInt8, .requantisation = test.requantisation};
  if (test.per_channel) {
    const auto depth = static_cast<float>(s.ic / s.groups * s.kh * s.kw);
    for (int64_t c = 0; c < s.oc; ++c) {
      o.scales.push_back(test.requantisation.scale * static_cast<float>(1 + c % 5) /
                         (1 + depth / 16));
    }
    o.epilogue.requantisation.scales = o.scales.data();
  }
  o.want.resize(count(s.n * s.oc * s.oh * s.ow));
  int64_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t c = 0; c < s.oc; ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p, ++i) {
        const int64_t sum = Sum(test, o, n, c, p / s.ow, p % s.ow) + o.bias[count(c)];
        const auto wrapped = static_cast<int32_t>(static_cast<uint32_t>(sum));
        StoreScalar(o.epilogue, static_cast<float>(wrapped), c, o.want.data(), i);
      }
    }
  }
  return o;
}

void RunUnits(const ConvVariant& variant, const Case& test, ConvArgs args, uint8_t* scratch) {
  const int64_t units = variant.units(test.shape);
  ASSERT_GE(units, 1);
  const int64_t step = test.units_per_call == 0 ? units : test.units_per_call;
  // The last units first: no call may count on those before it.
  for (int64_t end = units; end > 0; end -= std::min(step, end)) {
    variant.run(test.shape, args, std::max<int64_t>(end - step, 0), end, scratch);
    args.again = true;
  }
}

Fenced InputOf(const ConvVariant& variant, const ConvShape& s, const std::vector<uint8_t>& plain) {
  // Nothing may count on pad lanes.
  Fenced input(StoredCount(variant.input, s.n, s.ic, s.ih, s.iw), 0xC3);
  size_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t c = 0; c < s.ic; ++c) {
      for (int64_t p = 0; p < s.ih * s.iw; ++p, ++i) {
        const int64_t at = variant.input.blocked()
                               ? BlockedIndex(n, c, p / s.iw, p % s.iw, s.ic, s.ih, s.iw, kCodes)
                               : static_cast<int64_t>(i);
        input.data()[at] = plain[i];
      }
    }
  }
  return input;
}

void Check(const ConvVariant& variant, const Case& test, const Operands& o) {
  const ConvShape& s = test.shape;
  const Fenced input = InputOf(variant, s, o.input);
  Fenced packed(static_cast<int64_t>(variant.packed_bytes(s)));
  variant.pack(s, o.weights.data(), packed.data());
  ASSERT_TRUE(packed.Intact());
  constexpr uint8_t kUntouched = 77;
  const int64_t image = BlockedCount(1, s.oc, s.oh, s.ow, kCodes);
  Fenced output(s.n * (image + test.gap), kUntouched);
  Fenced scratch(static_cast<int64_t>(variant.scratch_bytes(s)), 0x99);
  ConvArgs args;
  args.input = input.data();
  args.packed = packed.data();
  args.integer_bias = test.bias ? o.bias.data() : nullptr;
  args.input_zero_point = test.input_zero_point;
  args.output = output.data();
  args.output_stride = test.gap == 0 ? 0 : image + test.gap;
  args.epilogue = o.epilogue;
  RunUnits(variant, test, args, scratch.data());
  EXPECT_TRUE(output.Intact()) << "output";
  EXPECT_TRUE(scratch.Intact()) << "scratch";
  size_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    const uint8_t* of_image = output.data() + n * (image + test.gap);
    for (int64_t c = 0; c < RoundUpToBlock(s.oc, kCodes); ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        const int64_t at = BlockedIndex(0, c, p / s.ow, p % s.ow, s.oc, s.oh, s.ow, kCodes);
        const int want = c < s.oc ? o.want[i++] : 0;
        ASSERT_EQ(int{of_image[at]}, want) << "image " << n << " channel " << c << " pixel " << p;
      }
    }
    for (int64_t k = 0; k < test.gap; ++k) ASSERT_EQ(of_image[image + k], kUntouched);
  }
}

// What runs here: variants that the CPU has instructions for, and the plain form of those that need
// some.
std::vector<ConvVariant> VariantsOfCodes() {
  std::vector<ConvVariant> variants = {PlainQuadsConvU8()};
  for (const ConvVariant& variant : ConvVariants()) {
    if (TypesOf(variant) == kTypes && UsableFeatures().Contains(variant.needs)) {
      variants.push_back(variant);
    }
  }
  return variants;
}

bool IsOnTiles(const ConvVariant& variant) {
  return std::string_view(variant.id).find("tiles") != std::string_view::npos;
}

bool HasHardware() {
  return ActiveTarget() == "avx512" && DetectedCpu().features.Has(CpuFeature::kAmxInt8) &&
         RequestTilePermission();
}

// Every variant must have met a case that it supports, but those of `absent`.
void CheckAll(const std::vector<Case>& cases, const std::set<std::string_view>& absent) {
  static constexpr TileMode kEmulated = TileMode::kEmulated;
  static constexpr TileMode kHardware = TileMode::kHardware;
  const testing::MadeUpTiles emulated(kEmulated);
  std::set<std::string_view> unmet;
  for (const ConvVariant& variant : VariantsOfCodes()) unmet.insert(variant.id);
  for (const Case& test : cases) {
    SCOPED_TRACE(::testing::PrintToString(test.shape));
    const Operands operands = OperandsOf(test);
    testing::ForEachTarget([&] {
      for (const ConvVariant& variant : VariantsOfCodes()) {
        if (!variant.supports(test.shape)) continue;
        const bool plain = variant.id == std::string_view("conv/plain_quads_u8");
        if (plain && ActiveTarget() != testing::TargetsUnderTest().front()) continue;
        SCOPED_TRACE(variant.id);
        unmet.erase(variant.id);
        Check(variant, test, operands);
        if (!IsOnTiles(variant) || !HasHardware()) continue;
        MakeUpActiveTiles(&kHardware);
        Check(variant, test, operands);
        MakeUpActiveTiles(&kEmulated);
      }
    });
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(unmet, absent);
}

constexpr std::string_view kFirst = "conv/first_u8";
constexpr std::string_view kTilesFirst = "conv/tiles_first_u8";
constexpr std::string_view kDepthwise = "conv/depthwise_u8";
constexpr std::string_view kWinograd = "conv/winograd2_u8";

TEST(IntegerConv, ChannelTails) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 48, 63, 64, 65, 80, 96, 127, 130}) {
    cases.push_back({.shape = Square(c, 5, 16, 1, 1, 0), .input_zero_point = 128});
    cases.push_back({.shape = Square(16, 5, c, 1, 1, 0), .input_zero_point = 255});
    cases.push_back({.shape = Square(c, 4, c, 3, 1, 1), .input_zero_point = 3});
  }
  CheckAll(cases, {});
}

TEST(IntegerConv, EveryPixelCount) {
  std::vector<Case> cases;
  for (int64_t pixels = 1; pixels <= 29; ++pixels) {
    for (const int64_t oc : {16, 40, 64, 96}) {
      ConvShape s = Square(19, 1, oc, 1, 1, 0);
      s.iw = s.ow = pixels;
      cases.push_back({.shape = s, .input_zero_point = 9});
    }
    ConvShape s = Square(3, 1, 33, 3, 1, 1);
    s.iw = s.ow = pixels;
    cases.push_back({.shape = s, .input_zero_point = 9});
    for (const int kernel : {3, 5}) {
      for (const int stride : {1, 2}) {
        if (pixels > 9 && pixels % 4 != 0 && pixels % 16 > 1) continue;
        s = Square(70, kernel + 1, 70, kernel, stride, kernel / 2, 70);
        s.iw = pixels * stride;
        s.ow = pixels;
        cases.push_back({.shape = s, .input_zero_point = 9});
      }
    }
  }
  CheckAll(cases, {});
}

TEST(IntegerConv, KernelsStridesDilationsAndPads) {
  std::vector<Case> cases;
  for (const int64_t ic : {3, 20, 70}) {
    for (const auto& [kh, kw] : {std::pair{1, 1}, {3, 3}, {5, 5}, {7, 7}, {1, 7}, {7, 1}, {2, 4}}) {
      for (const int stride : {1, 2, 3}) {
        for (const int dilation : {1, 2}) {
          for (const int pad : {0, 1, 3}) {
            ConvShape s;
            s.ic = ic;
            s.ih = 15;
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
            // An asymmetric pad of one more row at the bottom.
            s.oh = (s.ih + 2 * pad + 1 - (kh - 1) * s.dh - 1) / s.sh + 1;
            s.ow = (s.iw + 2 * s.pad_left - (kw - 1) * s.dw - 1) / s.sw + 1;
            if (s.oh < 1 || s.ow < 1) continue;
            cases.push_back({.shape = s, .input_zero_point = 100});
            if (ic == 70) continue;
            s.oc = s.groups = s.ic;
            cases.push_back({.shape = s, .input_zero_point = 100});
          }
        }
      }
    }
  }
  CheckAll(cases, {kWinograd});
}

TEST(IntegerConv, WindowsInPaddingAndCrops) {
  std::vector<Case> cases;
  for (const int64_t ic : {2, 16, 65}) {
    ConvShape s = Square(ic, 2, 16, 3, 1, 6);  // most windows see no input at all
    cases.push_back({.shape = s, .input_zero_point = 200});
    s = Square(ic, 3, 16, 1, 2, 2);
    cases.push_back({.shape = s, .input_zero_point = 200});
    s = Square(ic, 9, 16, 3, 1, 0);
    s.pad_top = -2;
    s.pad_left = -1;
    s.oh = 4;
    s.ow = 9;  // right windows reach beyond the input
    cases.push_back({.shape = s, .input_zero_point = 200});
    s.oc = s.groups = ic;
    cases.push_back({.shape = s, .input_zero_point = 200});
    cases.push_back({.shape = Square(ic, 2, ic, 3, 1, 6, ic), .input_zero_point = 200});
    cases.push_back({.shape = Square(ic, 2, ic, 5, 2, 7, ic), .input_zero_point = 200});
  }
  CheckAll(cases, {});
}

TEST(IntegerConv, Groups) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 5, 16, 17, 33, 64, 70, 130}) {
    for (const int kernel : {1, 3, 5, 7}) {
      for (const int stride : {1, 2}) {
        cases.push_back(
            {.shape = Square(c, 9, c, kernel, stride, kernel / 2, c), .input_zero_point = 77});
      }
    }
  }
  cases.push_back({.shape = Square(32, 6, 64, 3, 1, 1, 2)});
  cases.push_back({.shape = Square(256, 6, 128, 1, 1, 0, 2), .input_zero_point = 1});
  cases.push_back({.shape = Square(128, 6, 512, 1, 1, 0, 2), .units_per_call = 1});
  cases.push_back({.shape = Square(12, 6, 8, 3, 1, 1, 4)});
  cases.push_back({.shape = Square(6, 6, 12, 3, 1, 1, 6)});  // channel multiplier 2
  cases.push_back({.shape = Square(240, 6, 240, 1, 1, 0, 3), .input_zero_point = 50});
  cases.push_back({.shape = Square(100, 5, 200, 3, 2, 1, 10), .input_zero_point = 50});
  CheckAll(cases, {});
}

TEST(IntegerConv, UnitsInAnyPartition) {
  std::vector<Case> cases;
  for (const ConvShape& s : {Square(64, 14, 160, 1, 1, 0, 1, 3), Square(32, 20, 96, 3, 1, 1, 1, 2),
                             Square(3, 40, 64, 3, 2, 1, 1, 2), Square(96, 30, 96, 3, 2, 1, 96, 2),
                             Square(200, 7, 400, 1, 1, 0, 1, 2)}) {
    for (const int64_t units_per_call : {0, 1, 3}) {
      cases.push_back({.shape = s, .input_zero_point = 5, .units_per_call = units_per_call});
    }
  }
  CheckAll(cases, {});
}

// Sums that are near the largest ones that a quarter of int32 holds.
TEST(IntegerConv, TilesAtEveryEdgeAndTheDeepest) {
  std::vector<Case> cases;
  for (int64_t size = 1; size <= 9; ++size) {
    for (const int pad : {-1, 0, 1, 2}) {
      ConvShape s = Square(18, size, 20, 3, 1, 1, 1, 2);
      s.pad_left = pad;
      s.ow = size + 1;  // the right pad follows
      cases.push_back({.shape = s, .input_zero_point = 8, .units_per_call = size % 3});
    }
  }
  for (const int32_t zero : {0, 255}) {
    for (const int16_t w : std::initializer_list<int16_t>{-255, 255}) {
      cases.push_back({.shape = Square(917, 3, 17, 3, 1, 0),
                       .input_zero_point = zero,
                       .bias = false,
                       .low = w,
                       .high = w});
    }
  }
  CheckAll(cases, {kFirst, kTilesFirst, kDepthwise});
}

// Depths that no panel of weights and maps that no strip holds.
TEST(IntegerConv, LargeMapsAndDepths) {
  ConvShape wide = Square(3, 1, 20, 3, 1, 1);
  wide.iw = wide.ow = 3000;
  ConvShape row = Square(70, 1, 20, 3, 2, 1);
  row.iw = 1999;
  row.ow = 1000;
  ConvShape strided = Square(130, 60, 40, 1, 2, 0);
  CheckAll({{.shape = Square(600, 7, 70, 3, 1, 1), .input_zero_point = 128},
            {.shape = Square(1030, 5, 20, 1, 1, 0), .input_zero_point = 128},
            {.shape = Square(24, 57, 40, 3, 1, 1), .input_zero_point = 128},
            {.shape = Square(65, 57, 65, 3, 1, 1, 65), .input_zero_point = 128},
            {.shape = Square(65, 57, 65, 5, 2, 2, 65), .input_zero_point = 128},
            {.shape = wide, .input_zero_point = 4},
            {.shape = row, .input_zero_point = 4},
            {.shape = strided, .input_zero_point = 4}},
           {});
}

TEST(IntegerConv, Requantisation) {
  std::vector<Case> cases;
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const ConvShape& s : {Square(20, 7, 35, 1, 1, 0), Square(3, 7, 21, 3, 2, 1),
                             Square(20, 7, 35, 3, 1, 1), Square(21, 7, 21, 3, 1, 1, 21)}) {
    for (const float scale : {0.0f, 1e-8f, 0.003f, 0.5f, -0.01f, 3e38f, infinity, nan}) {
      for (const bool per_channel : {false, true}) {
        cases.push_back({.shape = s,
                         .input_zero_point = 128,
                         .requantisation = {.scale = scale, .zero_point = 3, .low = 2, .high = 250},
                         .per_channel = per_channel,
                         .bias = per_channel});
      }
    }
    // What the activation of a clamp makes of it.
    cases.push_back(
        {.shape = s,
         .requantisation = {.scale = 0.02f, .zero_point = 100, .low = 100, .high = 160}});
  }
  CheckAll(cases, {});
}

// Few weights that do not fit int8 among many that do, and groups of one output block.
TEST(IntegerConv, WeightsThatDoNotFitBytes) {
  std::vector<Case> cases;
  for (const ConvShape& s : {Square(100, 6, 70, 3, 1, 1), Square(260, 3, 130, 1, 1, 0),
                             Square(128, 5, 64, 3, 2, 1, 2)}) {
    for (const int16_t high : std::initializer_list<int16_t>{128, 129, 131, 160}) {
      cases.push_back({.shape = s, .input_zero_point = 90, .low = -127, .high = high});
      const auto low = static_cast<int16_t>(-high);
      cases.push_back({.shape = s, .input_zero_point = 90, .low = low, .high = 127});
    }
  }
  CheckAll(cases, {kFirst, kTilesFirst, kDepthwise});
}

TEST(IntegerConv, SmallAndLargeWeights) {
  std::vector<Case> cases;
  for (const ConvShape& s :
       {Square(100, 6, 70, 3, 1, 1), Square(4, 6, 70, 3, 1, 1), Square(70, 6, 70, 3, 1, 1, 70)}) {
    for (const auto& [low, high] : {std::pair<int16_t, int16_t>{-128, 127},
                                    {0, 255},
                                    {-255, -255},
                                    {255, 255},
                                    {-127, 127},
                                    {0, 0}}) {
      for (const int32_t zero : {0, 128, 255}) {
        cases.push_back({.shape = s, .input_zero_point = zero, .low = low, .high = high});
      }
    }
  }
  CheckAll(cases, {});
}

// Sums wrap around: most of 80000 products are near 127 * 252.
TEST(IntegerConv, SumsAreModulo) {
  ConvShape s = Square(80000, 1, 5, 1, 1, 0);
  Case test{.shape = s, .low = 250, .high = 255};
  CheckAll({test}, {kFirst, kTilesFirst, kDepthwise, kWinograd});
}

TEST(IntegerConv, OutputsThatAreSlices) {
  std::vector<Case> cases;
  for (const ConvShape& s : {Square(40, 9, 35, 1, 1, 0, 1, 3), Square(3, 11, 21, 3, 2, 1, 1, 3),
                             Square(40, 9, 35, 3, 1, 1, 1, 3), Square(32, 6, 64, 3, 1, 1, 2, 3),
                             Square(21, 7, 21, 3, 1, 1, 21, 3)}) {
    cases.push_back({.shape = s, .input_zero_point = 30, .gap = 128});
  }
  CheckAll(cases, {});
}

// Steps of tiles are whole pixels: channels around them, groups of whole blocks, tiles of fewer
// than 16 pixels, and pairs with and without a second tile.
TEST(IntegerConv, TilesOfChannelsAndPixels) {
  std::vector<Case> cases;
  for (const int64_t ic : {60, 63, 64, 65, 127, 128, 129}) {
    for (const int64_t oc : {31, 32, 33, 64, 65, 96, 97}) {
      cases.push_back({.shape = Square(ic, 3, oc, 1, 1, 0), .input_zero_point = 7});
    }
  }
  for (const int64_t pixels : {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 65, 100}) {
    ConvShape s = Square(70, 1, 40, 1, 1, 0, 1, 2);
    s.iw = s.ow = pixels;
    cases.push_back({.shape = s, .input_zero_point = 7, .units_per_call = pixels % 2});
    s = Square(64, 1, 70, 3, 1, 1);
    s.iw = s.ow = pixels;
    cases.push_back({.shape = s, .input_zero_point = 7});
  }
  cases.push_back({.shape = Square(192, 7, 384, 3, 2, 1, 3, 2), .units_per_call = 1, .gap = 64});
  for (const int64_t batch : {2, 15, 16, 17, 33}) {  // maps of one pixel: tiles of images
    for (const int64_t c : {5, 64, 130}) {
      const ConvShape s = Square(c, 1, 200 - c, 1, 1, 0, 1, batch);
      cases.push_back({.shape = s, .input_zero_point = 7});
      cases.push_back({.shape = s, .input_zero_point = 7, .units_per_call = 1, .gap = 64});
    }
  }
  cases.push_back({.shape = Square(640, 1, 1000, 1, 1, 0, 1, 3), .units_per_call = 2});
  CheckAll(cases, {kFirst, kTilesFirst, kDepthwise});
}

// Kernel rows up to what a tile holds.
TEST(IntegerConv, FirstLayers) {
  std::vector<Case> cases;
  for (const int64_t ic : {1, 2, 3, 4}) {
    for (const auto& [kernel, stride] : {std::pair{3, 2}, {5, 1}, {7, 2}, {8, 8}, {16, 11}}) {
      for (const int64_t size : {16, 35}) {
        Case test{.shape = Square(ic, size, ic == 4 ? 70 : 8, kernel, stride, kernel / 2, 1, 2),
                  .input_zero_point = 255,
                  .units_per_call = size % 4};
        cases.push_back(test);
        if (ic < 3) continue;
        test.shape.pad_left = -1;
        test.shape.ow = (size - 1 - kernel) / stride + 1;
        test.gap = 64;
        if (size > kernel) cases.push_back(test);
      }
    }
  }
  CheckAll(cases, {kDepthwise, kWinograd});
}

TEST(IntegerConv, TilesAreLeftAloneWhereTheyAreOff) {
  const testing::MadeUpTiles off(TileMode::kOff);
  for (const ConvVariant& variant : ConvVariants()) {
    if (IsOnTiles(variant)) {
      EXPECT_FALSE(variant.supports(Square(4, 7, 64, 1, 1, 0))) << variant.id;
    }
  }
}

// Dilations are what files say: no window of theirs may be beyond all memory.
TEST(IntegerConv, TilesHaveNoWindowsWithoutBounds) {
  const testing::MadeUpTiles emulated(TileMode::kEmulated);
  ConvShape s = Square(4, 3, 64, 3, 1, 1);
  s.dh = s.pad_top = 1 << 30;
  for (const ConvVariant& variant : ConvVariants()) {
    if (IsOnTiles(variant) && TypesOf(variant) == kTypes) {
      EXPECT_FALSE(variant.supports(s)) << variant.id;
    }
  }
}

}  // namespace
}  // namespace kinglet::kernels::integer_conv_test
