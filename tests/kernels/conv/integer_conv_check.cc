#include "tests/kernels/conv/integer_conv_check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/common/aligned.h"
#include "kernels/common/cpu_target.h"
#include "kernels/conv/quads.h"
#include "kernels/depthwise/code_quads.h"
#include "tests/support/made_up_tiles.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::integer_conv_check {
namespace {

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

// What follows turns codes into others, by where they would lie in a dense output.
uint8_t Followed(int code, int64_t at) { return static_cast<uint8_t>(code ^ (1 + at % 31)); }
void Follow(const void*, uint8_t* codes, int64_t at, int64_t count) noexcept {
  for (int64_t i = 0; i < count; ++i) codes[i] = Followed(codes[i], at + i);
}

void Check(const ConvVariant& variant, const Case& test, const Operands& o, bool follow) {
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
  if (follow) args.written.then = &Follow;
  RunUnits(variant, test, args, scratch.data());
  EXPECT_TRUE(output.Intact()) << "output";
  EXPECT_TRUE(scratch.Intact()) << "scratch";
  size_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    const uint8_t* of_image = output.data() + n * (image + test.gap);
    for (int64_t c = 0; c < RoundUpToBlock(s.oc, kCodes); ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        const int64_t at = BlockedIndex(0, c, p / s.ow, p % s.ow, s.oc, s.oh, s.ow, kCodes);
        int want = c < s.oc ? o.want[i++] : 0;
        if (follow && c < s.oc) want = Followed(want, n * image + at);
        ASSERT_EQ(int{of_image[at]}, want) << "image " << n << " channel " << c << " pixel " << p;
      }
    }
    for (int64_t k = 0; k < test.gap; ++k) ASSERT_EQ(of_image[image + k], kUntouched);
  }
}

// What runs here: variants that the CPU has instructions for, and the plain form of those that need
// some.
std::vector<ConvVariant> VariantsOfCodes() {
  std::vector<ConvVariant> variants = PlainQuadsConvsU8();
  variants.push_back(PlainDepthwiseQuadsConvU8());
  for (const ConvVariant& variant : ConvVariants()) {
    if (TypesOf(variant) == kTypes && UsableFeatures().Contains(variant.needs)) {
      variants.push_back(variant);
    }
  }
  return variants;
}

bool HasHardware() {
  return ActiveTarget() == "avx512" && DetectedCpu().features.Has(CpuFeature::kAmxInt8) &&
         RequestTilePermission();
}

}  // namespace

bool IsOnTiles(const ConvVariant& variant) {
  return std::string_view(variant.id).find("tiles") != std::string_view::npos;
}

void CheckAll(const std::vector<Case>& cases, const std::vector<Ids>& absent) {
  static constexpr TileMode kEmulated = TileMode::kEmulated;
  static constexpr TileMode kHardware = TileMode::kHardware;
  const testing::MadeUpTiles emulated(kEmulated);
  Ids unmet, expected;
  for (const ConvVariant& variant : VariantsOfCodes()) {
    unmet.insert(variant.id);
    for (const Ids& ids : absent) {
      if (ids.contains(variant.id)) expected.insert(variant.id);
    }
  }
  for (const Case& test : cases) {
    SCOPED_TRACE(::testing::PrintToString(test.shape));
    const Operands operands = OperandsOf(test);
    testing::ForEachTarget([&] {
      for (const ConvVariant& variant : VariantsOfCodes()) {
        if (!variant.supports(test.shape)) continue;
        const bool plain = std::string_view(variant.id).starts_with("conv/plain_");
        if (plain && ActiveTarget() != testing::TargetsUnderTest().front()) continue;
        SCOPED_TRACE(variant.id);
        unmet.erase(variant.id);
        Check(variant, test, operands, false);
        if (variant.follows) Check(variant, test, operands, true);
        if (!IsOnTiles(variant) || !HasHardware()) continue;
        MakeUpActiveTiles(&kHardware);
        Check(variant, test, operands, false);
        MakeUpActiveTiles(&kEmulated);
      }
    });
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(unmet, expected);
}

}  // namespace kinglet::kernels::integer_conv_check
