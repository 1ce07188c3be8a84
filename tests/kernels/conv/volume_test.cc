// Convolutions of one to three dimensions and transposed ones, every variant on every target,
// against the definition in double.
#include "kernels/conv/volume.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <ostream>
#include <set>
#include <string_view>
#include <vector>

#include "kernels/common/blocked.h"
#include "kernels/common/machine_model.h"
#include "kernels/common/predict.h"
#include "tests/support/activation.h"
#include "tests/support/conv_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels {

std::ostream& operator<<(std::ostream& out, const VolumeShape& s) {
  out << s.n << "x" << s.ic << " -> " << s.oc << " groups " << s.groups
      << (s.transposed ? " transposed" : "");
  for (const VolumeAxis& a : s.axes) {
    out << " [" << a.in << " -> " << a.out << " kernel " << a.kernel << " stride " << a.stride
        << " dilation " << a.dilation << " pad " << a.pad << "]";
  }
  return out;
}

namespace {

using testing::Guarded;
using testing::Random;

enum class Residual { kNone, kSeparate, kAliased };

struct Case {
  VolumeShape shape = {};
  Epilogue epilogue = {};
  Residual residual = Residual::kNone;
  bool bias = true;
  int64_t units_per_call = 0;  // 0: all in one call
  int64_t gap = 0;             // floats between the images of a blocked output
};

// One axis; `more`: elements behind the last one that both pads being equal would give.
VolumeAxis Axis(int64_t in, int64_t kernel, int64_t stride = 1, int64_t pad = 0,
                int64_t dilation = 1, int64_t more = 0) {
  VolumeAxis a{in, 0, kernel, stride, dilation, pad};
  a.out = (in + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1 + more;
  return a;
}
VolumeAxis Transposed(int64_t in, int64_t kernel, int64_t stride = 1, int64_t pad = 0,
                      int64_t dilation = 1, int64_t more = 0) {
  VolumeAxis a{in, 0, kernel, stride, dilation, pad};
  a.out = (in - 1) * stride + (kernel - 1) * dilation + 1 - 2 * pad + more;
  return a;
}

VolumeShape Volume(int64_t ic, int64_t oc, const VolumeAxis& z, const VolumeAxis& y,
                   const VolumeAxis& x, int64_t groups = 1, int64_t n = 1) {
  return {n, ic, oc, groups, false, {z, y, x}};
}
VolumeShape TransposedVolume(int64_t ic, int64_t oc, const VolumeAxis& z, const VolumeAxis& y,
                             const VolumeAxis& x, int64_t groups = 1, int64_t n = 1) {
  return {n, ic, oc, groups, true, {z, y, x}};
}

int64_t Elements(const VolumeShape& s, int64_t VolumeAxis::*size) {
  return s.axes[0].*size * (s.axes[1].*size) * (s.axes[2].*size);
}

struct Operands {
  std::vector<float> input, weights, bias, residual;
  std::vector<double> sums, magnitudes;  // before the activation
};

// Adds the product of every input element with every tap to where it belongs.
void AddProducts(const VolumeShape& s, Operands& o) {
  const int64_t ins = Elements(s, &VolumeAxis::in);
  const int64_t outs = Elements(s, &VolumeAxis::out);
  const int64_t taps = Elements(s, &VolumeAxis::kernel);
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  const auto place = [](const VolumeShape& shape, int64_t i, int64_t VolumeAxis::*size) {
    const int64_t x = shape.axes[2].*size;
    const int64_t y = shape.axes[1].*size;
    return std::array<int64_t, 3>{i / (x * y), i / x % y, i % x};
  };
  for (int64_t i = 0; i < ins; ++i) {
    const auto at = place(s, i, &VolumeAxis::in);
    for (int64_t t = 0; t < taps; ++t) {
      const auto tap = place(s, t, &VolumeAxis::kernel);
      int64_t to = 0;
      bool inside = true;
      for (size_t d = 0; d < 3; ++d) {
        const VolumeAxis& a = s.axes[d];
        const int64_t shift = tap[d] * a.dilation - a.pad;
        int64_t out = s.transposed ? at[d] * a.stride + shift : at[d] - shift;
        if (!s.transposed) {
          inside = inside && out % a.stride == 0;
          out /= a.stride;
          inside = inside && at[d] >= shift;
        }
        inside = inside && out >= 0 && out < a.out;
        to = to * a.out + out;
      }
      if (!inside) continue;
      for (int64_t n = 0; n < s.n; ++n) {
        for (int64_t g = 0; g < s.groups; ++g) {
          for (int64_t c = 0; c < ic; ++c) {
            const double x = o.input[static_cast<size_t>(((n * s.groups + g) * ic + c) * ins + i)];
            for (int64_t m = 0; m < oc; ++m) {
              const int64_t w = s.transposed ? (g * ic + c) * oc + m : (g * oc + m) * ic + c;
              const double product = x * o.weights[static_cast<size_t>(w * taps + t)];
              const auto k = static_cast<size_t>(((n * s.groups + g) * oc + m) * outs + to);
              o.sums[k] += product;
              o.magnitudes[k] += std::abs(product);
            }
          }
        }
      }
    }
  }
}

Operands OperandsOf(const Case& test) {
  const VolumeShape& s = test.shape;
  const auto count = [](int64_t n) { return static_cast<size_t>(n); };
  const int64_t outs = Elements(s, &VolumeAxis::out);
  Random random(23);
  Operands o;
  o.input = random.Floats(count(s.n * s.ic * Elements(s, &VolumeAxis::in)));
  o.weights = random.Floats(count(s.oc * (s.ic / s.groups) * Elements(s, &VolumeAxis::kernel)));
  if (test.bias) o.bias = random.Floats(count(s.oc));
  if (test.residual != Residual::kNone) o.residual = random.Floats(count(s.n * s.oc * outs));
  o.sums.assign(count(s.n * s.oc * outs), 0.0);
  o.magnitudes = o.sums;
  AddProducts(s, o);
  for (size_t k = 0; k < o.sums.size(); ++k) {
    const size_t channel = k / count(outs) % count(s.oc);
    const double extras[] = {test.bias ? double{o.bias[channel]} : 0.0,
                             o.residual.empty() ? 0.0 : double{o.residual[k]}};
    for (const double extra : extras) {
      o.sums[k] += extra;
      o.magnitudes[k] += std::abs(extra);
    }
  }
  return o;
}

std::vector<float> InLayout(TensorDesc desc, const std::vector<float>& plain, const VolumeShape& s,
                            int64_t c, int64_t VolumeAxis::*size, float pad) {
  if (!desc.blocked()) return plain;
  return testing::ToBlocked(plain, s.n, c, s.axes[1].*size, s.axes[2].*size, pad);
}

void ExpectOutput(const Case& test, const VolumeVariant& variant, const float* output,
                  int64_t image_stride, const Operands& want) {
  const VolumeShape& s = test.shape;
  const int64_t h = s.axes[1].out;
  const int64_t w = s.axes[2].out;
  const int64_t pixels = Elements(s, &VolumeAxis::out);
  const double depth = static_cast<double>(s.ic / s.groups * Elements(s, &VolumeAxis::kernel) + 3);
  const double slope = test.epilogue.activation == Activation::kHardSwish ? 1.5 : 1.1;
  size_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    const float* image = output + n * image_stride;
    for (int64_t c = 0; c < s.oc; ++c) {
      for (int64_t p = 0; p < pixels; ++p, ++i) {
        const int64_t at = variant.output.blocked() ? BlockedIndex(0, c, p / w, p % w, s.oc, h, w)
                                                    : c * pixels + p;
        const double expected = testing::Activate(test.epilogue, want.sums[i]);
        const double bound =
            slope * depth * 0x1p-24 * want.magnitudes[i] + 1e-6 * std::abs(expected);
        ASSERT_NEAR(image[at], expected, bound + 1e-7)
            << "image " << n << " channel " << c << " pixel " << p;
      }
    }
    if (!variant.output.blocked()) continue;
    for (int64_t c = s.oc; c < RoundUpToBlock(s.oc); ++c) {
      for (int64_t p = 0; p < pixels; ++p) {
        ASSERT_EQ(image[BlockedIndex(0, c, p / w, p % w, s.oc, h, w)], 0.0f) << "pad lane " << c;
      }
    }
  }
}

void Check(const VolumeVariant& variant, const Case& test, const Operands& operands) {
  const VolumeShape& s = test.shape;
  // Input pad lanes are poisoned: nothing may read them.
  const Guarded in(InLayout(variant.input, operands.input, s, s.ic, &VolumeAxis::in,
                            std::numeric_limits<float>::quiet_NaN()));
  std::vector<float> bias = operands.bias;
  bias.resize(static_cast<size_t>(RoundUpToBlock(s.oc)), 0.0f);
  const Guarded padded_bias(bias);
  Guarded packed(variant.packed_bytes(s) / sizeof(float));
  variant.pack(s, operands.weights.data(), packed.data());
  EXPECT_TRUE(packed.FencesIntact()) << "weights";
  const Guarded skip(operands.residual.empty() ? std::vector<float>{}
                                               : InLayout(variant.output, operands.residual, s,
                                                          s.oc, &VolumeAxis::out, 0));
  const int64_t channels = variant.output.blocked() ? RoundUpToBlock(s.oc) : s.oc;
  const int64_t image = channels * Elements(s, &VolumeAxis::out);
  const int64_t gap = variant.output.blocked() ? test.gap : 0;
  constexpr float kUntouched = -77.0f;
  Guarded output(std::vector<float>(static_cast<size_t>(s.n * (image + gap)), kUntouched));
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
  if (gap != 0) args.output_stride = image + gap;
  args.epilogue = test.epilogue;
  const int64_t units = variant.units(s);
  ASSERT_GE(units, 1);
  const int64_t step = test.units_per_call == 0 ? units : test.units_per_call;
  for (int64_t begin = 0; begin < units; begin += step) {
    variant.run(s, args, begin, std::min(begin + step, units), scratch.data());
    args.again = true;
  }
  EXPECT_TRUE(output.FencesIntact()) << "output";
  EXPECT_TRUE(scratch.FencesIntact()) << "scratch";
  ExpectOutput(test, variant, output.data(), image + gap, operands);
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t k = image; k < image + gap; ++k) {
      ASSERT_EQ(output[static_cast<size_t>(n * (image + gap) + k)], kUntouched) << "gap " << n;
    }
  }
}

constexpr std::string_view kBlocks = "conv/transposed_blocks_f32";
constexpr std::string_view kColumns = "conv/transposed_columns_f32";

// Every variant must have met a case that it supports, but those of `absent`.
void CheckAll(const std::vector<Case>& cases, const std::set<std::string_view>& absent = {}) {
  std::set<std::string_view> unmet;
  for (const VolumeVariant& variant : VolumeVariants()) unmet.insert(variant.id);
  for (const Case& test : cases) {
    SCOPED_TRACE(::testing::PrintToString(test.shape));
    const Operands operands = OperandsOf(test);
    testing::ForEachTarget([&] {
      for (const VolumeVariant& variant : VolumeVariants()) {
        if (!variant.supports(test.shape)) continue;
        SCOPED_TRACE(variant.id);
        unmet.erase(variant.id);
        Check(variant, test, operands);
      }
    });
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(unmet, absent);
}

TEST(Volume, KernelsStridesDilationsAndPads) {
  std::vector<Case> cases;
  for (const int64_t kernel : {1, 2, 3, 5}) {
    for (const int64_t stride : {1, 2, 3, 7}) {
      for (const int64_t dilation : {1, 2, 6}) {
        for (const int64_t pad : {-1, 0, 2}) {
          const VolumeAxis x = Axis(13, kernel, stride, pad, dilation, pad > 0 ? 1 : 0);
          if (x.out < 1) continue;
          const VolumeAxis one;
          cases.push_back({Volume(3, 7, one, one, x)});
          cases.push_back({Volume(2, 3, one, x, Axis(9, 3, 1, 1))});
          cases.push_back({Volume(2, 3, x, Axis(4, 3, 1, 1), Axis(9, 3, 1, 1))});
        }
      }
    }
  }
  CheckAll(cases, {kBlocks, kColumns});
}

TEST(Volume, TransposedKernelsStridesDilationsAndPads) {
  std::vector<Case> cases;
  for (const int64_t kernel : {1, 2, 3, 4, 5}) {
    for (const int64_t stride : {1, 2, 3, 4, 7}) {
      for (const int64_t dilation : {1, 2, 3, 6}) {
        for (const int64_t pad : {0, 1, 3}) {
          const VolumeAxis x = Transposed(6, kernel, stride, pad, dilation, pad > 0 ? 1 : 0);
          if (x.out < 1) continue;
          const VolumeAxis one;
          cases.push_back({TransposedVolume(3, 7, one, one, x)});
          cases.push_back({TransposedVolume(17, 18, one, x, Transposed(5, 4, 2, 1))});
          cases.push_back({TransposedVolume(18, 5, one, Transposed(5, 4, 2, 1), x)});
          cases.push_back({TransposedVolume(2, 3, x, Transposed(3, 2, 2), Transposed(5, 3, 2, 1))});
        }
      }
    }
  }
  CheckAll(cases);
}

TEST(Volume, RowsOfEveryLength) {
  std::vector<Case> cases;
  for (int64_t length = 1; length <= 35; ++length) {
    cases.push_back({Volume(2, 5, {}, {}, Axis(length, 3, 1, 1))});
    cases.push_back({Volume(3, 70, {}, Axis(3, 3, 1, 1), Axis(length, 3, 1, 1))});
    cases.push_back({TransposedVolume(3, 6, {}, Transposed(3, 4, 2, 1), Transposed(length, 4, 2))});
  }
  CheckAll(cases);
}

TEST(Volume, EveryCountOfOutputs) {
  std::vector<Case> cases;
  for (int64_t oc = 1; oc <= 20; ++oc) {
    for (const int64_t length : {7, 61, 130}) {
      cases.push_back({Volume(2, oc, {}, {}, Axis(length, 3, 1, 1))});
    }
    cases.push_back(
        {TransposedVolume(oc, 21 - oc, {}, Transposed(5, 3, 2, 1), Transposed(9, 2, 2))});
  }
  CheckAll(cases);
}

TEST(Volume, Groups) {
  std::vector<Case> cases;
  for (const int64_t groups : {2, 3, 5}) {
    for (const int64_t ic : {1, 3, 16}) {
      for (const int64_t oc : {1, 4, 16, 32}) {
        cases.push_back(
            {Volume(groups * ic, groups * oc, {}, Axis(5, 3, 1, 1), Axis(6, 3, 2, 1), groups, 2)});
        cases.push_back({TransposedVolume(groups * ic, groups * oc, {}, Transposed(4, 4, 2, 1),
                                          Transposed(5, 3, 2, 1), groups, 2)});
      }
    }
  }
  CheckAll(cases);
}

TEST(Volume, OutputsThatNoTapReaches) {
  std::vector<Case> cases;
  for (const Epilogue& e : testing::AllEpilogues()) {
    for (const Residual r : {Residual::kNone, Residual::kAliased}) {
      // Strides beyond the kernel, and dilations that share a factor with the stride.
      cases.push_back(
          {TransposedVolume(4, 18, {}, Transposed(3, 2, 5), Transposed(4, 1, 3)), e, r});
      cases.push_back(
          {TransposedVolume(4, 5, Transposed(2, 2, 4, 0, 2), {}, Transposed(4, 2, 4, 0, 2)), e, r});
    }
  }
  cases.push_back({Volume(2, 3, Axis(2, 2, 1, 6), Axis(2, 3, 1, 6), Axis(2, 3, 1, 6))});
  cases.push_back(
      {TransposedVolume(3, 17, {}, Transposed(3, 3, 2, 0, 1, 9), Transposed(3, 3, 2, 0, 1, 20))});
  CheckAll(cases);
}

TEST(Volume, EpiloguesAndResiduals) {
  std::vector<Case> cases;
  for (const Epilogue& e : testing::AllEpilogues()) {
    for (const Residual r : {Residual::kNone, Residual::kSeparate, Residual::kAliased}) {
      const bool bias = r != Residual::kSeparate;
      cases.push_back(
          {Volume(300, 7, Axis(3, 3, 1, 1), Axis(4, 3, 1, 1), Axis(5, 3, 1, 1)), e, r, bias});
      cases.push_back({Volume(5, 80, {}, Axis(5, 3, 1, 1), Axis(7, 3, 1, 1), 1, 2), e, r, bias});
      cases.push_back(
          {TransposedVolume(20, 19, {}, Transposed(5, 4, 2, 1), Transposed(6, 4, 2, 1), 1, 2), e, r,
           bias});
      cases.push_back(
          {TransposedVolume(260, 33, {}, Transposed(3, 3, 1, 1), Transposed(4, 3, 2, 1)), e, r,
           bias});
    }
  }
  CheckAll(cases);
}

TEST(Volume, UnitsInAnyPartition) {
  std::vector<Case> cases;
  for (const int64_t units_per_call : {0, 1, 2, 3, 5, 7, 11}) {
    const std::vector<VolumeShape> shapes = {
        Volume(16, 40, Axis(5, 3, 1, 1), Axis(9, 3, 1, 1), Axis(11, 3, 1, 1), 1, 2),
        Volume(64, 64, {}, {}, Axis(90, 5, 1, 2), 1, 3),
        TransposedVolume(32, 40, {}, Transposed(17, 4, 2, 1), Transposed(13, 4, 2, 1), 1, 2),
        TransposedVolume(64, 64, {}, Transposed(9, 3, 2, 1), Transposed(9, 3, 2, 1), 2, 2),
        TransposedVolume(48, 50, Transposed(4, 2, 2), Transposed(5, 2, 2), Transposed(6, 2, 2))};
    for (const VolumeShape& s : shapes) {
      cases.push_back({.shape = s, .units_per_call = units_per_call});
    }
  }
  CheckAll(cases);
}

TEST(Volume, OutputsThatAreSlices) {
  std::vector<Case> cases;
  for (const Residual r : {Residual::kNone, Residual::kSeparate}) {
    cases.push_back({.shape = TransposedVolume(20, 19, {}, Transposed(5, 4, 2, 1),
                                               Transposed(6, 4, 2, 1), 1, 3),
                     .residual = r,
                     .gap = 48});
  }
  CheckAll(cases);
}

TEST(Volume, DeepAndLong) {
  std::vector<Case> cases;
  // A row alone exceeds a strip; far taps have windows of their own.
  cases.push_back({Volume(130, 8, {}, {}, Axis(3000, 3, 1, 1))});
  cases.push_back({Volume(70, 3, {}, {}, Axis(3000, 3, 1, 1000, 1000))});
  cases.push_back({Volume(3, 4, {}, {}, Axis(5000, 50, 25, 12))});
  cases.push_back({Volume(3, 3, {}, Axis(40, 3, 1, 12, 12), Axis(40, 3, 1, 12, 12))});
  cases.push_back({TransposedVolume(140, 9, {}, {}, Transposed(1000, 16, 8, 4))});
  cases.push_back(
      {TransposedVolume(40, 18, {}, Transposed(3, 3, 1, 0, 40), Transposed(200, 8, 4))});
  cases.push_back({TransposedVolume(700, 20, {}, Transposed(3, 4, 2, 1), Transposed(40, 4, 2, 1))});
  cases.push_back({Volume(2, 2, Axis(40, 1), Axis(50, 1), Axis(60, 1))});
  cases.push_back({Volume(20, 9, Axis(30, 3, 1, 1), Axis(9, 1), Axis(11, 1))});
  CheckAll(cases);
}

// What a dilation spans, and what padding cuts off, costs no memory.
TEST(Volume, TapsFarBeyondTheImage) {
  constexpr int64_t kFar = int64_t{1} << 30;
  const VolumeAxis far{1, 1, 2, 1, kFar, kFar};
  const std::vector<VolumeShape> shapes = {TransposedVolume(20, 18, {}, far, far),
                                           TransposedVolume(3, 2, far, {}, far),
                                           Volume(3, 2, far, far, far)};
  for (const VolumeShape& s : shapes) {
    for (const VolumeVariant& variant : VolumeVariants()) {
      if (!variant.supports(s)) continue;
      EXPECT_LT(variant.scratch_bytes(s), size_t{1} << 20) << variant.id;
    }
  }
  std::vector<Case> cases;
  for (const VolumeShape& s : shapes) cases.push_back({s});
  CheckAll(cases, {kBlocks});
}

TEST(Volume, FormatsTellWhatIsPacked) {
  // Equal formats of equal weights are equal bytes, however large the image.
  const std::vector<VolumeShape> shapes = {
      Volume(3, 5, Axis(7, 3), {}, {}), Volume(3, 5, Axis(7, 3), Axis(4, 1), Axis(4, 1)),
      Volume(3, 5, Axis(7, 3), Axis(4, 1), {}), Volume(3, 5, Axis(9, 3, 2, 1), {}, Axis(4, 1, 2))};
  Random random(5);
  const std::vector<float> weights = random.Floats(3 * 5 * 3);
  const VolumeVariant& planes = VolumeVariants()[0];
  for (const VolumeShape& a : shapes) {
    for (const VolumeShape& b : shapes) {
      ASSERT_EQ(planes.packed_bytes(a), planes.packed_bytes(b));
      std::vector<float> packed[2] = {weights, weights};
      planes.pack(a, weights.data(), packed[0].data());
      planes.pack(b, weights.data(), packed[1].data());
      if (planes.packed_format(a) == planes.packed_format(b)) {
        EXPECT_EQ(packed[0], packed[1]) << a << " and " << b;
      }
    }
  }
}

TEST(Volume, SecondsGrowWithTheBatchAndShrinkWithThreads) {
  const MachineModel machine = DefaultMachineModel();
  VolumeShape s = TransposedVolume(64, 64, {}, Transposed(28, 4, 2, 1), Transposed(28, 4, 2, 1));
  for (const VolumeVariant& variant : VolumeVariants()) {
    const auto seconds = [&](int threads) {
      return PredictSeconds(variant.work(s, threads), machine);
    };
    s.n = 1;
    const double one = seconds(1);
    EXPECT_GT(one, 0) << variant.id;
    EXPECT_GT(one, seconds(2)) << variant.id;
    s.n = 8;
    EXPECT_GT(seconds(1), 4 * one) << variant.id;
  }
}

}  // namespace
}  // namespace kinglet::kernels
