// Every convolution variant of float32 on every target against the definition in double.
#include "kernels/conv/conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/common/blocked.h"
#include "kernels/common/cpu_target.h"
#include "kernels/common/machine_model.h"
#include "kernels/common/predict.h"
#include "tests/support/activation.h"
#include "tests/support/conv_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::conv_test {

std::ostream& operator<<(std::ostream& out, const ConvShape& s) {
  return out << s.n << "x" << s.ic << "x" << s.ih << "x" << s.iw << " -> " << s.oc << "x" << s.oh
             << "x" << s.ow << " kernel " << s.kh << "x" << s.kw << " stride " << s.sh << "x"
             << s.sw << " dilation " << s.dh << "x" << s.dw << " pad " << s.pad_top << ","
             << s.pad_left << " groups " << s.groups;
}

namespace {

using testing::ConvReference;
using testing::Guarded;
using testing::Random;

enum class Residual { kNone, kSeparate, kAliased };

struct Case {
  ConvShape shape = {};
  Epilogue epilogue = {};
  Residual residual = Residual::kNone;
  bool bias = true;
  int64_t units_per_call = 0;  // 0: all in one call
  int64_t gap = 0;             // floats between the images of a blocked output
};

// Square map and kernel, symmetric "same" padding where `pad` is so.
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

// "Same" padding on a square map.
ConvShape Line(int64_t ic, int64_t size, int64_t oc, int kh, int kw, int64_t n = 1) {
  ConvShape s = Square(ic, size, oc, 1, 1, 0, 1, n);
  s.kh = kh;
  s.kw = kw;
  s.pad_top = kh / 2;
  s.pad_left = kw / 2;
  return s;
}

std::vector<float> PaddedBias(const std::vector<float>& bias) {
  std::vector<float> padded = bias;
  padded.resize(static_cast<size_t>(RoundUpToBlock(static_cast<int64_t>(bias.size()))), 0.0f);
  return padded;
}

std::vector<float> InLayout(TensorDesc desc, const std::vector<float>& plain, int64_t n, int64_t c,
                            int64_t h, int64_t w, float pad) {
  return !desc.blocked() ? plain : testing::ToBlocked(plain, n, c, h, w, pad);
}

void ExpectOutput(const ConvShape& s, const ConvVariant& variant, const Guarded& output,
                  const ConvReference& want, const Epilogue& epilogue) {
  const bool plain = !variant.output.blocked();
  const bool mixes = variant.error_factor != 0;
  const double depth = (static_cast<double>(s.ic / s.groups) * s.kh * s.kw + 3) *
                       (mixes ? variant.error_factor : 1.0);
  const double slope = epilogue.activation == Activation::kHardSwish ? 1.5 : 1.1;
  size_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t c = 0; c < s.oc; ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p, ++i) {
        const auto at =
            plain ? i
                  : static_cast<size_t>(BlockedIndex(n, c, p / s.ow, p % s.ow, s.oc, s.oh, s.ow));
        const double magnitude = mixes ? want.mixed_magnitude[i] : want.magnitude[i];
        const double bound = slope * depth * 0x1p-24 * magnitude + 1e-6 * std::abs(want.values[i]);
        ASSERT_NEAR(output[at], want.values[i], bound + 1e-7)
            << "image " << n << " channel " << c << " pixel " << p;
      }
    }
  }
  if (plain) return;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t c = s.oc; c < RoundUpToBlock(s.oc); ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        const int64_t at = BlockedIndex(n, c, p / s.ow, p % s.ow, s.oc, s.oh, s.ow);
        ASSERT_EQ(output[static_cast<size_t>(at)], 0.0f) << "pad lane " << c << " pixel " << p;
      }
    }
  }
}

// The images of a strided output side by side; what lies between them must be untouched.
void Compact(const Guarded& strided, int64_t n, int64_t stride, float untouched, Guarded& dense) {
  const int64_t image = static_cast<int64_t>(dense.size()) / n;
  for (int64_t i = 0; i < n; ++i) {
    const float* from = strided.data() + i * stride;
    std::copy(from, from + image, dense.data() + i * image);
    for (int64_t k = image; k < stride; ++k) ASSERT_EQ(from[k], untouched) << "gap " << i;
  }
}

void RunUnits(const ConvVariant& variant, const ConvShape& s, ConvArgs args, int64_t units_per_call,
              float* scratch) {
  const int64_t units = variant.units(s);
  ASSERT_GE(units, 1);
  const int64_t step = units_per_call == 0 ? units : units_per_call;
  for (int64_t begin = 0; begin < units; begin += step) {
    variant.run(s, args, begin, std::min(begin + step, units), scratch);
    args.again = true;
  }
}

struct Operands {
  std::vector<float> input, weights, bias, residual;
  ConvReference want;
};

Operands OperandsOf(const Case& test) {
  const ConvShape& s = test.shape;
  const auto count = [](int64_t n) { return static_cast<size_t>(n); };
  Random random(17);
  Operands o;
  o.input = random.Floats(count(s.n * s.ic * s.ih * s.iw));
  o.weights = random.Floats(count(s.oc * (s.ic / s.groups) * s.kh * s.kw));
  if (test.bias) o.bias = random.Floats(count(s.oc));
  if (test.residual != Residual::kNone) {
    o.residual = random.Floats(count(s.n * s.oc * s.oh * s.ow));
  }
  o.want = testing::NaiveConv(s, o.input, o.weights, o.bias, o.residual, test.epilogue);
  return o;
}

void Check(const ConvVariant& variant, const Case& test, const Operands& operands) {
  const ConvShape& s = test.shape;
  // Input pad lanes are poisoned: nothing may read them.
  const Guarded in(InLayout(variant.input, operands.input, s.n, s.ic, s.ih, s.iw,
                            std::numeric_limits<float>::quiet_NaN()));
  const Guarded padded_bias(PaddedBias(operands.bias));
  Guarded packed(variant.packed_bytes(s) / sizeof(float));
  variant.pack(s, operands.weights.data(), packed.data());
  EXPECT_TRUE(packed.FencesIntact());
  Guarded output(static_cast<size_t>(StoredCount(variant.output, s.n, s.oc, s.oh, s.ow)));
  const Guarded skip(operands.residual.empty()
                         ? std::vector<float>{}
                         : InLayout(variant.output, operands.residual, s.n, s.oc, s.oh, s.ow, 0));
  if (test.residual == Residual::kAliased) {
    std::copy(skip.data(), skip.data() + skip.size(), output.data());
  }
  Guarded scratch(variant.scratch_bytes(s) / sizeof(float));

  ConvArgs args;
  args.input = in.data();
  args.packed = packed.data();
  args.bias = test.bias ? padded_bias.data() : nullptr;
  args.residual = test.residual == Residual::kNone      ? nullptr
                  : test.residual == Residual::kAliased ? output.data()
                                                        : skip.data();
  args.output = output.data();
  args.epilogue = test.epilogue;
  constexpr float kUntouched = -77.0f;
  const bool strided = test.gap != 0 && variant.output.blocked();
  const int64_t stride = static_cast<int64_t>(output.size()) / s.n + test.gap;
  Guarded wide(std::vector<float>(strided ? static_cast<size_t>(s.n * stride) : 0, kUntouched));
  if (strided) {
    args.output = wide.data();
    args.output_stride = stride;
  }
  RunUnits(variant, s, args, test.units_per_call, scratch.data());
  if (strided) Compact(wide, s.n, stride, kUntouched, output);
  EXPECT_TRUE(output.FencesIntact() && wide.FencesIntact()) << "output";
  EXPECT_TRUE(scratch.FencesIntact()) << "scratch";
  ExpectOutput(s, variant, output, operands.want, test.epilogue);
}

constexpr std::string_view kLine3 = "conv/winograd_line3_f32";
constexpr std::string_view kLine7 = "conv/winograd_line7_f32";
constexpr std::string_view k5x5 = "conv/winograd2_5x5_f32";
constexpr std::string_view kPlanes = "conv/planes_f32";
constexpr std::string_view kDilated = "conv/dilated_f32";

bool IsFloat(const ConvVariant& variant) { return TypesOf(variant) == OperandTypes{}; }

// Every variant must have met a case that it supports, but those of `absent`.
void CheckAll(const std::vector<Case>& cases,
              const std::set<std::string_view>& absent = {kLine3, kLine7, k5x5, kDilated}) {
  std::set<std::string_view> unmet;
  for (const ConvVariant& variant : ConvVariants()) {
    if (IsFloat(variant) && UsableFeatures().Contains(variant.needs)) unmet.insert(variant.id);
  }
  for (const Case& test : cases) {
    SCOPED_TRACE(::testing::PrintToString(test.shape));
    const Operands operands = OperandsOf(test);
    testing::ForEachTarget([&] {
      for (const ConvVariant& variant : ConvVariants()) {
        if (!IsFloat(variant) || !variant.supports(test.shape)) continue;
        if (!UsableFeatures().Contains(variant.needs)) continue;
        SCOPED_TRACE(variant.id);
        unmet.erase(variant.id);
        Check(variant, test, operands);
      }
    });
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(unmet, absent);
}

TEST(Conv, ChannelTails) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 2, 3, 4, 5, 7, 15, 16, 17, 24, 31, 32, 33, 58, 80}) {
    cases.push_back({Square(c, 5, 16, 1, 1, 0)});
    cases.push_back({Square(16, 5, c, 1, 1, 0)});
    cases.push_back({Square(c, 4, c, 3, 1, 1)});
  }
  CheckAll(cases);
}

TEST(Conv, EveryPixelCount) {
  std::vector<Case> cases;
  for (int64_t pixels = 1; pixels <= 29; ++pixels) {
    for (const int64_t oc : {16, 32, 40, 48, 64, 80, 96}) {
      ConvShape s = Square(19, 1, oc, 1, 1, 0);
      s.iw = s.ow = pixels;
      cases.push_back({s});
    }
    ConvShape s = Square(3, 1, 33, 3, 1, 1);
    s.iw = s.ow = pixels;
    cases.push_back({s});
    for (const int kernel : {3, 5}) {
      for (const int stride : {1, 2}) {
        s = Square(18, kernel + 1, 18, kernel, stride, kernel / 2, 18);
        s.iw = pixels * stride;
        s.ow = pixels;
        cases.push_back({s});
      }
    }
  }
  CheckAll(cases);
}

TEST(Conv, KernelsStridesDilationsAndPads) {
  std::vector<Case> cases;
  for (const int64_t ic : {3, 16, 20}) {
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
            cases.push_back({s});
            s.oc = s.groups = s.ic;
            cases.push_back({s});
          }
        }
      }
    }
  }
  CheckAll(cases, {"conv/winograd2_f32", "conv/winograd4_f32", kLine3, kLine7, k5x5});
}

TEST(Conv, TilesAtEveryEdge) {
  std::vector<Case> cases;
  for (int64_t size = 1; size <= 10; ++size) {
    for (const int pad : {-1, 0, 1, 2}) {
      for (const int64_t n : {1, 3}) {
        ConvShape s = Square(18, size, 20, 3, 1, 1, 1, n);
        s.pad_left = pad;
        s.ow = size + 1;  // the right pad follows
        cases.push_back({.shape = s, .units_per_call = n});
        s.kh = s.kw = 5;
        s.pad_top = 2;
        cases.push_back({.shape = s, .units_per_call = n});
      }
    }
  }
  CheckAll(cases, {"conv/first_f32", "conv/depthwise_f32", kLine3, kLine7, kPlanes, kDilated});
}

TEST(Conv, LinesAtEveryEdge) {
  std::vector<Case> cases;
  for (const auto& [kh, kw] : {std::pair{1, 3}, {3, 1}, {1, 7}, {7, 1}}) {
    for (int64_t size = 1; size <= 10; ++size) {
      for (const int pad : {-2, 0, 1, 3}) {
        ConvShape s = Line(18, size, 20, kh, kw, 2);
        (kh == 1 ? s.pad_left : s.pad_top) = pad;
        cases.push_back({.shape = s, .units_per_call = size % 3});
        (kh == 1 ? s.pad_top : s.pad_left) = pad;  // lines beside the input
        cases.push_back({.shape = s});
      }
    }
    for (const int64_t c : {1, 16, 33}) {
      for (const Epilogue& e : testing::AllEpilogues()) {
        cases.push_back({Line(c, 8, 35 - c, kh, kw), e, Residual::kAliased});
      }
      cases.push_back(
          {.shape = Line(c, 12, 33, kh, kw, 3), .residual = Residual::kSeparate, .gap = 48});
    }
    for (const int64_t units_per_call : {0, 1, 3}) {
      cases.push_back({.shape = Line(40, 13, 200, kh, kw), .units_per_call = units_per_call});
    }
  }
  CheckAll(cases,
           {"conv/depthwise_f32", "conv/winograd2_f32", "conv/winograd4_f32", k5x5, kDilated});
}

TEST(Conv, WindowsInPaddingAndCrops) {
  std::vector<Case> cases;
  for (const int64_t ic : {2, 16, 17}) {
    ConvShape s = Square(ic, 2, 16, 3, 1, 6);  // most windows see no input at all
    cases.push_back({s});
    s = Square(ic, 3, 16, 1, 2, 2);
    cases.push_back({s});
    s = Square(ic, 9, 16, 3, 1, 0);
    s.pad_top = -2;
    s.pad_left = -1;
    s.oh = 4;
    s.ow = 9;  // right windows reach beyond the input
    cases.push_back({s});
    s.oc = s.groups = ic;
    cases.push_back({s});
    s = Square(ic, 2, ic, 3, 1, 6, ic);
    cases.push_back({s});
    s = Square(ic, 2, ic, 5, 2, 7, ic);
    cases.push_back({s});
  }
  CheckAll(cases);
}

TEST(Conv, Groups) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 5, 16, 17, 33, 48}) {
    for (const int kernel : {1, 3, 5, 7}) {
      for (const int stride : {1, 2}) {
        cases.push_back({Square(c, 9, c, kernel, stride, kernel / 2, c)});
      }
    }
  }
  cases.push_back({Square(32, 6, 48, 3, 1, 1, 1)});
  cases.push_back({Square(32, 6, 64, 3, 1, 1, 2)});
  cases.push_back({Square(64, 6, 64, 1, 1, 0, 4)});
  cases.push_back({Square(12, 6, 8, 3, 1, 1, 4)});
  cases.push_back({Square(6, 6, 12, 3, 1, 1, 6)});  // channel multiplier 2
  for (const int64_t oc : {1, 2, 4, 8, 16, 32}) {   // groups that share a block of outputs, or not
    for (const int64_t ic : {1, 3}) {
      cases.push_back({Square(3 * ic, 9, 3 * oc, 3, 2, 1, 3, 2)});
      cases.push_back({Square(7 * ic, 5, 7 * oc, 3, 1, 0, 7)});
    }
  }
  for (const int kernel :
       {3, 5, 7}) {  // halves of blocks, and the kernels that have loops of theirs
    for (const int64_t size : {7, 16, 21}) {
      cases.push_back({Square(3, size, 24, kernel, 2, kernel / 2, 3)});
      cases.push_back({Square(3, size, 40, kernel, 2, kernel / 2)});
    }
  }
  CheckAll(cases, {kLine3, kLine7, kDilated});
}

TEST(Conv, EpiloguesResidualsAndUnits) {
  std::vector<Case> cases;
  for (const ConvShape& s : {Square(20, 7, 19, 1, 1, 0, 1, 2), Square(3, 7, 21, 3, 2, 1, 1, 2),
                             Square(16, 7, 32, 3, 1, 1, 1, 2), Square(21, 7, 21, 3, 1, 1, 21, 2),
                             Square(300, 4, 5, 3, 1, 1, 1, 2), Square(5, 7, 40, 3, 2, 1, 5, 2)}) {
    for (const Epilogue& e : testing::AllEpilogues()) {
      for (const Residual r : {Residual::kNone, Residual::kSeparate, Residual::kAliased}) {
        cases.push_back({s, e, r, r != Residual::kSeparate});
      }
    }
  }
  CheckAll(cases);
}

TEST(Conv, OutputsThatAreSlices) {
  std::vector<Case> cases;
  for (const Residual r : {Residual::kNone, Residual::kSeparate}) {
    for (const ConvShape& s : {Square(40, 9, 35, 1, 1, 0, 1, 3), Square(3, 11, 21, 3, 2, 1, 1, 3),
                               Square(33, 12, 40, 3, 1, 1, 1, 3), Square(32, 6, 64, 3, 1, 1, 2, 3),
                               Square(21, 7, 21, 3, 1, 1, 21, 3)}) {
      cases.push_back({.shape = s, .residual = r, .gap = 48});
    }
  }
  CheckAll(cases, {kLine3, kLine7, k5x5, kPlanes, kDilated});
}

TEST(Conv, UnitsInAnyPartition) {
  std::vector<Case> cases;
  for (const ConvShape& s : {Square(64, 14, 160, 1, 1, 0, 1, 3), Square(32, 20, 96, 3, 1, 1, 1, 2),
                             Square(3, 40, 40, 3, 2, 1, 1, 2), Square(64, 12, 128, 3, 1, 1, 2, 2),
                             Square(96, 20, 96, 3, 1, 1, 96, 2), Square(24, 200, 16, 1, 1, 0),
                             Square(40, 9, 200, 3, 1, 1)}) {
    for (const int64_t units_per_call : {0, 1, 2, 3, 5, 7, 11}) {
      cases.push_back({s, {}, Residual::kNone, true, units_per_call});
    }
  }
  CheckAll(cases, {kLine3, kLine7, k5x5, kPlanes, kDilated});
}

TEST(Conv, DeepAndWide) {
  std::vector<Case> cases;
  cases.push_back({Square(1030, 3, 16, 1, 1, 0)});
  cases.push_back({Square(260, 5, 24, 3, 1, 1)});
  ConvShape s = Square(130, 3, 16, 3, 1, 1);  // one row's input alone exceeds a strip
  s.iw = s.ow = 700;
  cases.push_back({s});
  s.dh = s.dw = 3;
  s.oh = 1;
  s.ow = 699;
  cases.push_back({s});
  s.oc = s.groups = s.ic;
  cases.push_back({s});
  s = Square(4, 40, 16, 7, 1, 3);
  s.iw = s.ow = 3000;
  cases.push_back({s});
  CheckAll(cases, {kLine3, kLine7, k5x5, kPlanes});
}

// Dilations that carry many taps, or all but one, into the padding.
TEST(Conv, TapsFarApart) {
  std::vector<Case> cases;
  for (const int64_t ic : {5, 40, 272}) {
    for (const auto& [dilation, pad] : {std::pair{4, 4}, {8, 8}, {12, 12}, {3, 7}, {9, 0}}) {
      for (const int stride : {1, 2}) {
        ConvShape s = Square(ic, 10, 20, 3, stride, pad);
        s.dh = dilation;
        s.dw = dilation / 2 + 1;
        // At least so many, where the taps do not fit, most of them beside the input.
        s.oh = std::max(3, (10 + 2 * pad - 2 * s.dh - 1) / stride + 1);
        s.ow = std::max(3, (10 + 2 * pad - 2 * s.dw - 1) / stride + 1);
        cases.push_back({s});
      }
    }
  }
  ConvShape s = Square(64, 9, 64, 3, 1, 6, 2, 3);  // two groups
  s.dh = s.dw = 6;
  s.oh = s.ow = 9;
  for (const Epilogue& e : testing::AllEpilogues()) {
    for (const Residual r : {Residual::kNone, Residual::kSeparate, Residual::kAliased}) {
      cases.push_back({s, e, r, r != Residual::kSeparate});
    }
  }
  cases.push_back({.shape = s, .residual = Residual::kSeparate, .gap = 48});
  s = Square(40, 30, 200, 3, 1, 12, 1, 2);
  s.dh = s.dw = 12;
  s.oh = s.ow = 30;
  for (const int64_t units_per_call : {1, 2, 3}) {
    cases.push_back({.shape = s, .units_per_call = units_per_call});
  }
  CheckAll(cases, {"conv/first_f32", "conv/depthwise_f32", "conv/winograd2_f32",
                   "conv/winograd4_f32", kLine3, kLine7, k5x5, kPlanes});
}

// Depthwise kernels of any width, most of whose windows leave the input.
TEST(Conv, WideDepthwiseKernels) {
  std::vector<Case> cases;
  for (const auto& [kh, kw] : {std::pair{6, 6}, {7, 7}, {1, 9}, {11, 13}, {31, 31}}) {
    for (const int64_t size : {1, 8, 19}) {
      ConvShape s = Line(20, size, 20, kh, kw, 2);
      s.groups = 20;
      cases.push_back({s});
      s.pad_left = 0;
      s.ow = size + 2;
      cases.push_back({.shape = s, .residual = Residual::kAliased});
      s.pad_left = -1;
      cases.push_back({s});
    }
  }
  CheckAll(cases, {"conv/direct_f32", "conv/winograd2_f32", "conv/winograd4_f32", kLine3, kLine7,
                   k5x5, kDilated});
}

TEST(Conv, VariantsAreFoundById) {
  for (const ConvVariant& variant : ConvVariants()) {
    EXPECT_EQ(FindConvVariant(variant.id), &variant);
  }
  EXPECT_EQ(FindConvVariant("conv/none"), nullptr);
}

TEST(Conv, SecondsGrowWithTheBatchAndShrinkWithThreads) {
  const MachineModel machine = DefaultMachineModel();
  ConvShape s = Square(64, 28, 64, 1, 1, 0);
  for (const ConvVariant& variant : ConvVariants()) {
    if (!variant.supports(s)) continue;
    const auto seconds = [&](int threads) {
      return PredictSeconds(variant.work(s, threads), machine);
    };
    s.n = 1;
    const double one = seconds(1);
    EXPECT_GT(one, 0) << variant.id;
    s.n = 8;
    EXPECT_GT(seconds(1), 4 * one) << variant.id;
    EXPECT_LT(seconds(2), seconds(1)) << variant.id;
  }
}

}  // namespace
}  // namespace kinglet::kernels::conv_test
