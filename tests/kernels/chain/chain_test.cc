// Chains of convolutions on every target against the convolutions one after the other, in double.
#include "kernels/chain/chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

#include "kernels/chain/geometry.h"
#include "kernels/common/blocked.h"
#include "kernels/common/predict.h"
#include "tests/support/activation.h"
#include "tests/support/conv_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::chain_test {
namespace {

using testing::ConvReference;
using testing::Guarded;
using testing::Random;

enum class Residual { kNone, kInput, kSeparate, kAliased };

struct Case {
  ConvChain chain;
  Epilogue expand = {}, depthwise = {}, project = {};
  Residual residual = Residual::kNone;
  bool bias = true;
  int64_t strip_rows = 0;  // 0: as planned
  int64_t units_per_image = 0;
  int64_t units_per_call = 0;  // 0: all in one call
  int64_t gap = 0;             // floats between the images of the output
};

ConvShape Pointwise(int64_t n, int64_t ic, int64_t oc, int64_t h, int64_t w) {
  ConvShape s;
  s.n = n;
  s.ic = ic;
  s.oc = oc;
  s.ih = s.oh = h;
  s.iw = s.ow = w;
  return s;
}

struct Middle {
  int kernel = 3, stride = 1, pad = 1, dilation = 1;
};

// `channels` expanded to `wide` (0: no expansion), then `out`.
ConvChain Chain(int64_t channels, int64_t wide, int64_t out, int64_t h, int64_t w,
                const Middle& middle = {}, int64_t n = 1) {
  ConvChain chain;
  chain.expands = wide > 0;
  if (chain.expands) chain.expand = Pointwise(n, channels, wide, h, w);
  ConvShape& s = chain.depthwise;
  s.n = n;
  s.ic = s.oc = s.groups = chain.expands ? wide : channels;
  s.ih = h;
  s.iw = w;
  s.kh = s.kw = middle.kernel;
  s.sh = s.sw = middle.stride;
  s.dh = s.dw = middle.dilation;
  s.pad_top = s.pad_left = middle.pad;
  const int64_t extent = int64_t{middle.kernel - 1} * middle.dilation + 1;
  s.oh = (h + 2 * middle.pad - extent) / middle.stride + 1;
  s.ow = (w + 2 * middle.pad - extent) / middle.stride + 1;
  chain.project = Pointwise(n, s.oc, out, s.oh, s.ow);
  return chain;
}

struct Layer {
  std::vector<float> weights, bias;
  Guarded packed{0}, padded_bias{0};
};

Layer MakeLayer(const char* id, const ConvShape& s, bool bias, Random& random) {
  Layer layer;
  layer.weights = random.Floats(static_cast<size_t>(s.oc * (s.ic / s.groups) * s.kh * s.kw));
  const ConvVariant& variant = *FindConvVariant(id);
  layer.packed = Guarded(variant.packed_bytes(s) / sizeof(float));
  variant.pack(s, layer.weights.data(), layer.packed.data());
  if (!bias) return layer;
  layer.bias = random.Floats(static_cast<size_t>(s.oc));
  std::vector<float> padded = layer.bias;
  padded.resize(static_cast<size_t>(RoundUpToBlock(s.oc)), 0.0f);
  layer.padded_bias = Guarded(padded);
  return layer;
}

ChainStage StageOf(const Layer& layer, const Epilogue& epilogue) {
  return {layer.packed.data(), layer.bias.empty() ? nullptr : layer.padded_bias.data(), epilogue};
}

std::vector<float> ToFloats(const std::vector<double>& values) {
  return std::vector<float>(values.begin(), values.end());
}

struct Operands {
  Layer expand, depthwise, project;
  std::vector<float> input, residual;
  std::vector<double> want;
};

Operands OperandsOf(const Case& test) {
  const ConvChain& chain = test.chain;
  const ConvShape& first = chain.expands ? chain.expand : chain.depthwise;
  const ConvShape& last = chain.project;
  Random random(23);
  Operands o;
  o.input = random.Floats(static_cast<size_t>(first.n * first.ic * first.ih * first.iw));
  std::vector<float> now = o.input;
  if (chain.expands) {
    o.expand = MakeLayer("conv/direct_f32", first, test.bias, random);
    now = ToFloats(
        testing::NaiveConv(first, now, o.expand.weights, o.expand.bias, {}, test.expand).values);
  }
  o.depthwise = MakeLayer("conv/depthwise_f32", chain.depthwise, test.bias, random);
  now = ToFloats(testing::NaiveConv(chain.depthwise, now, o.depthwise.weights, o.depthwise.bias, {},
                                    test.depthwise)
                     .values);
  o.project = MakeLayer("conv/direct_f32", last, test.bias, random);
  if (test.residual == Residual::kInput) {
    o.residual = o.input;
  } else if (test.residual != Residual::kNone) {
    o.residual = random.Floats(static_cast<size_t>(last.n * last.oc * last.oh * last.ow));
  }
  o.want =
      testing::NaiveConv(last, now, o.project.weights, o.project.bias, o.residual, test.project)
          .values;
  return o;
}

ChainPlan PlanOf(const Case& test) {
  ChainPlan plan = PlanChain(test.chain, 2, DefaultMachineModel());
  if (test.units_per_image != 0) plan.units_per_image = test.units_per_image;
  if (test.strip_rows != 0) {
    plan.strip_rows = test.strip_rows;
    plan.ring_rows = RingRows(test.chain, test.strip_rows);
  }
  return plan;
}

// Outputs are sums of products of sums: a few thousand terms of about one.
void ExpectOutput(const Case& test, const Guarded& output, int64_t stride,
                  const std::vector<double>& want) {
  const ConvShape& s = test.chain.project;
  double largest = 1;
  for (const double value : want) largest = std::max(largest, std::abs(value));
  size_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    const float* image = output.data() + n * stride;
    for (int64_t c = 0; c < RoundUpToBlock(s.oc); ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        const float got = image[BlockedIndex(0, c, p / s.ow, p % s.ow, s.oc, s.oh, s.ow)];
        if (c >= s.oc) {
          ASSERT_EQ(got, 0.0f) << "pad lane " << c << " pixel " << p;
          continue;
        }
        ASSERT_NEAR(got, want[i], 2e-5 * largest)
            << "image " << n << " channel " << c << " pixel " << p;
        ++i;
      }
    }
  }
}

void Check(const Case& test, const Operands& o) {
  const ConvChain& chain = test.chain;
  const ConvShape& first = chain.expands ? chain.expand : chain.depthwise;
  const ConvShape& last = chain.project;
  const ChainPlan plan = PlanOf(test);
  // Input pad lanes are poisoned: nothing may depend on them.
  const float pad = std::numeric_limits<float>::quiet_NaN();
  const Guarded input(testing::ToBlocked(o.input, first.n, first.ic, first.ih, first.iw, pad));
  const int64_t dense = BlockedCount(1, last.oc, last.oh, last.ow);
  const int64_t stride = dense + test.gap;
  constexpr float kUntouched = -77.0f;
  Guarded output(std::vector<float>(static_cast<size_t>(last.n * stride), kUntouched));
  Guarded skip(0);
  if (!o.residual.empty()) {
    skip = Guarded(testing::ToBlocked(o.residual, last.n, last.oc, last.oh, last.ow, 0));
  }
  if (test.residual == Residual::kAliased) {
    std::copy(skip.data(), skip.data() + skip.size(), output.data());
  }
  Guarded scratch(ChainScratchBytes(plan) / sizeof(float));

  ChainArgs args;
  args.input = input.data();
  if (chain.expands) args.expand = StageOf(o.expand, test.expand);
  args.depthwise = StageOf(o.depthwise, test.depthwise);
  args.project = StageOf(o.project, test.project);
  args.output = output.data();
  args.output_stride = test.gap != 0 ? stride : 0;
  args.residual = test.residual == Residual::kNone      ? nullptr
                  : test.residual == Residual::kInput   ? input.data()
                  : test.residual == Residual::kAliased ? output.data()
                                                        : skip.data();
  const int64_t step = test.units_per_call == 0 ? plan.units() : test.units_per_call;
  for (int64_t begin = 0; begin < plan.units(); begin += step) {
    RunChain(plan, args, begin, std::min(begin + step, plan.units()), scratch.data());
  }
  EXPECT_TRUE(output.FencesIntact()) << "output";
  EXPECT_TRUE(scratch.FencesIntact()) << "scratch";
  for (int64_t n = 0; n < last.n; ++n) {
    for (int64_t k = dense; k < stride; ++k) {
      ASSERT_EQ(output[static_cast<size_t>(n * stride + k)], kUntouched) << "gap " << n;
    }
  }
  ExpectOutput(test, output, stride, o.want);
}

void CheckAll(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    const ConvShape& s = test.chain.depthwise;
    SCOPED_TRACE(::testing::Message()
                 << (test.chain.expands ? test.chain.expand.ic : 0) << " -> " << s.ic << " -> "
                 << test.chain.project.oc << ", " << s.n << " of " << s.ih << "x" << s.iw
                 << ", kernel " << s.kh << " stride " << s.sh << " pad " << s.pad_top
                 << " dilation " << s.dh << ", strips of " << test.strip_rows << ", "
                 << test.units_per_image << " units, " << test.units_per_call << " a call");
    ASSERT_TRUE(IsChain(test.chain));
    const Operands operands = OperandsOf(test);
    testing::ForEachTarget([&] { Check(test, operands); });
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Chain, ChannelTails) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 3, 15, 16, 17, 33, 80}) {
    cases.push_back({Chain(c, 0, 16, 5, 6)});
    cases.push_back({Chain(16, 0, c, 5, 6)});
    cases.push_back({Chain(c, 16, 16, 5, 6)});
    cases.push_back({Chain(16, c, 16, 5, 6)});
    cases.push_back({Chain(16, 16, c, 5, 6)});
    cases.push_back({Chain(c, 6 * c, c, 4, 4)});
  }
  CheckAll(cases);
}

TEST(Chain, StridesKernelsPadsAndStrips) {
  std::vector<Case> cases;
  for (const int64_t wide : {0, 21}) {
    for (const Middle& middle : {Middle{3, 1, 1},
                                 {3, 2, 1},
                                 {3, 2, 0},
                                 {5, 1, 2},
                                 {5, 2, 2},
                                 {5, 1, 0},
                                 {7, 1, 3},
                                 {3, 3, 1},
                                 {2, 1, 0},
                                 {2, 3, 0},
                                 {3, 1, 2, 2},
                                 {3, 1, 12, 12},
                                 {3, 2, 3, 3},
                                 {3, 1, 4},
                                 {1, 1, 0}}) {
      for (const int64_t strip : {1, 2, 3, 4, 100}) {
        cases.push_back({.chain = Chain(18, wide, 20, 13, 12, middle), .strip_rows = strip});
      }
    }
  }
  CheckAll(cases);
}

TEST(Chain, PadsOfOneSideAndCrops) {
  std::vector<Case> cases;
  for (const int64_t wide : {0, 24}) {
    for (const int pad : {0, -1, -2}) {
      Case test{.chain = Chain(16, wide, 8, 12, 12, {3, 2, 0}), .strip_rows = 2};
      ConvShape& s = test.chain.depthwise;
      s.pad_top = pad;
      s.pad_left = pad;
      s.oh = s.ow = 6;  // the last window reaches beyond the input
      test.chain.project = Pointwise(1, s.oc, 8, 6, 6);
      cases.push_back(test);
    }
  }
  CheckAll(cases);
}

TEST(Chain, UnitsInAnyPartition) {
  std::vector<Case> cases;
  for (const int64_t wide : {0, 40}) {
    for (const int stride : {1, 2}) {
      const ConvChain chain = Chain(20, wide, 24, 17, 11, {3, stride, 1}, 2);
      for (const int64_t units : {1, 2, 3, 4, 9}) {
        for (const int64_t units_per_call : {0, 1, 2, 3}) {
          cases.push_back({.chain = chain,
                           .strip_rows = 2,
                           .units_per_image = units,
                           .units_per_call = units_per_call});
        }
      }
    }
  }
  CheckAll(cases);
}

TEST(Chain, EpiloguesAndResiduals) {
  std::vector<Case> cases;
  for (const int64_t wide : {0, 35}) {
    const ConvChain chain = Chain(19, wide, 19, 7, 6, {}, 2);
    for (const Epilogue& e : testing::AllEpilogues()) {
      cases.push_back({chain, e, e, {}, Residual::kNone, false});
      for (const Residual r :
           {Residual::kNone, Residual::kInput, Residual::kSeparate, Residual::kAliased}) {
        cases.push_back({chain, {Activation::kClip, 0.0f, 6.0f}, {Activation::kRelu}, e, r});
      }
    }
  }
  CheckAll(cases);
}

TEST(Chain, OutputsThatAreSlices) {
  std::vector<Case> cases;
  for (const int64_t wide : {0, 48}) {
    for (const Residual r : {Residual::kNone, Residual::kInput, Residual::kSeparate}) {
      cases.push_back({.chain = Chain(24, wide, 24, 9, 9, {}, 3), .residual = r, .gap = 48});
    }
  }
  CheckAll(cases);
}

TEST(Chain, RealBlocks) {
  CheckAll({{.chain = Chain(64, 0, 128, 40, 40, {3, 2, 1})},
            {.chain = Chain(16, 96, 24, 56, 56, {3, 2, 1})},
            {.chain = Chain(24, 144, 24, 28, 28), .residual = Residual::kInput},
            {.chain = Chain(160, 960, 160, 7, 7), .residual = Residual::kInput}});
}

// Where memory is slow and the maps are large, what is not written and read again is worth most;
// where it costs nothing, rows that are expanded twice are a loss.
TEST(Chain, CostWeighsTrafficAgainstArithmetic) {
  MachineModel machine = DefaultMachineModel();
  machine.step_seconds = machine.handover_seconds = 0;
  machine.l2_bytes = 1 << 20;
  machine.l3_bytes = 1 << 23;
  // Slow beside the arithmetic, also where that is slow itself.
  const double peak = machine.Peak(ElementType::kFloat32);
  machine.l3_gbps = std::min(machine.l3_gbps, 0.5 * peak);
  machine.l3_all_gbps = std::min(machine.l3_all_gbps, peak);
  machine.dram_gbps = std::min(machine.dram_gbps, 0.3 * peak);
  machine.dram_all_gbps = std::min(machine.dram_all_gbps, 0.4 * peak);
  for (const ConvChain& chain :
       {Chain(16, 96, 24, 112, 112, {3, 2, 1}, 8), Chain(32, 0, 16, 112, 112, {}, 8)}) {
    for (const int threads : {1, 2}) {
      const ChainPlan plan = PlanChain(chain, threads, machine);
      EXPECT_LT(1.1 * PredictSeconds(ChainWork(plan, threads), machine),
                SeparateSeconds(chain, threads, machine))
          << threads << " threads";
    }
  }
  machine.l2_gbps = machine.l3_gbps = machine.l3_all_gbps = 1e9;
  machine.dram_gbps = machine.dram_all_gbps = 1e9;
  const ConvChain chain = Chain(32, 192, 32, 56, 56);
  const ChainPlan plan = PlanChain(chain, 2, machine);
  EXPECT_GE(plan.units(), 2);
  EXPECT_GT(PredictSeconds(ChainWork(plan, 2), machine), SeparateSeconds(chain, 2, machine));
}

TEST(Chain, WorkIsThatOfItsConvolutions) {
  const ConvChain chain = Chain(32, 192, 48, 28, 28, {}, 2);
  ChainPlan plan = PlanChain(chain, 1, DefaultMachineModel());
  plan.units_per_image = 1;
  const Work expand = FindConvVariant("conv/direct_f32")->work(chain.expand, 1);
  const Work depthwise = FindConvVariant("conv/depthwise_f32")->work(chain.depthwise, 1);
  const Work project = FindConvVariant("conv/direct_f32")->work(chain.project, 1);
  const Work whole = ChainWork(plan, 1);
  for (const WorkKind kind : {WorkKind::kTile, WorkKind::kTileEdge, WorkKind::kDepthwise}) {
    EXPECT_EQ(whole.Count(kind), expand.Count(kind) + depthwise.Count(kind) + project.Count(kind));
  }
  EXPECT_EQ(whole.read_bytes(), expand.read_bytes());
  EXPECT_EQ(whole.write_bytes(), project.write_bytes());
  EXPECT_EQ(whole.weight_bytes(),
            expand.weight_bytes() + depthwise.weight_bytes() + project.weight_bytes());
  // Two rows of 28 are needed on both sides of a cut.
  plan.units_per_image = 3;
  const Work cut = ChainWork(plan, 1);
  const double twice = 2.0 * 2 / 28;
  EXPECT_DOUBLE_EQ(cut.Count(WorkKind::kTile),
                   whole.Count(WorkKind::kTile) + twice * expand.Count(WorkKind::kTile));
  EXPECT_DOUBLE_EQ(cut.read_bytes(), (1 + twice) * expand.read_bytes());
}

TEST(Chain, OtherShapesAreNoChains) {
  EXPECT_TRUE(IsChain(Chain(16, 32, 16, 8, 8)));
  ConvChain chain = Chain(16, 32, 16, 8, 8);
  chain.expand.oc = 48;
  EXPECT_FALSE(IsChain(chain));
  chain = Chain(16, 0, 16, 8, 8);
  chain.project.sh = 2;
  EXPECT_FALSE(IsChain(chain));
  chain = Chain(16, 0, 16, 8, 8);
  chain.depthwise.groups = 1;
  EXPECT_FALSE(IsChain(chain));
  chain = Chain(16, 0, 16, 8, 8);
  chain.project.groups = 16;
  EXPECT_FALSE(IsChain(chain));
}

}  // namespace
}  // namespace kinglet::kernels::chain_test
