// Chains of bfloat16 against their convolutions one by one, bit for bit: with the products of the
// CPU where it has them, and by multiply-adds of float32 everywhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/chain/chain.h"
#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/cpu_target.h"
#include "kernels/common/half.h"
#include "kernels/common/machine_model.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/pairs_bf16.h"
#include "kernels/depthwise/depthwise3_bf16.h"
#include "kernels/gemm/gather_pairs.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::chain_bf16_test {
namespace {

using testing::Random;
using Bits = AlignedBuffer<uint16_t>;

struct Case {
  int64_t in = 0;  // channels; 0: nothing is expanded
  int64_t wide = 0, out = 0;
  int64_t height = 0, width = 0;
  int stride = 1;
  bool residual = false;
  int64_t gap = 0;  // elements between images of the output
};

ConvChain ChainOf(const Case& test) {
  constexpr int64_t kImages = 2;
  ConvChain chain;
  chain.stored = ElementType::kBFloat16;
  chain.expands = test.in > 0;
  ConvShape& dw = chain.depthwise;
  dw.n = kImages;
  dw.ic = dw.oc = dw.groups = test.wide;
  dw.ih = test.height;
  dw.iw = test.width;
  dw.kh = dw.kw = 3;
  dw.sh = dw.sw = test.stride;
  dw.pad_top = dw.pad_left = 1;
  dw.oh = (dw.ih - 1) / test.stride + 1;
  dw.ow = (dw.iw - 1) / test.stride + 1;
  ConvShape& expand = chain.expand;
  expand.n = kImages;
  expand.ic = std::max<int64_t>(test.in, 1);
  expand.oc = test.wide;
  expand.ih = expand.oh = dw.ih;
  expand.iw = expand.ow = dw.iw;
  ConvShape& project = chain.project;
  project.n = kImages;
  project.ic = test.wide;
  project.oc = test.out;
  project.ih = project.oh = dw.oh;
  project.iw = project.ow = dw.ow;
  return chain;
}

int64_t Stored(int64_t n, int64_t c, int64_t h, int64_t w) {
  return StoredCount(kBlockedBF16, n, c, h, w);
}

// A blocked tensor with zero pad lanes.
Bits Images(int64_t n, int64_t c, int64_t h, int64_t w, Random& random) {
  Bits bits(static_cast<size_t>(Stored(n, c, h, w)));
  std::memset(bits.data(), 0, bits.size() * sizeof(uint16_t));
  for (int64_t image = 0; image < n; ++image) {
    for (int64_t k = 0; k < c; ++k) {
      for (int64_t p = 0; p < h * w; ++p) {
        bits.data()[BlockedIndex(image, k, p / w, p % w, c, h, w, 32)] =
            ToBFloat16(random.Float()).bits;
      }
    }
  }
  return bits;
}

// A convolution with its weights.
struct Layer {
  Layer(const ConvVariant& v, const ConvShape& s, Activation activation, Random& random)
      : variant(v),
        shape(s),
        packed(v.packed_bytes(s)),
        bias(static_cast<size_t>(RoundUpToBlock(s.oc))) {
    const int64_t count = s.oc * (s.ic / s.groups) * s.kh * s.kw;
    const std::vector<float> weights = random.Floats(static_cast<size_t>(count));
    variant.pack(shape, weights.data(), packed.data());
    std::fill_n(bias.data(), bias.size(), 0.0f);
    for (int64_t o = 0; o < s.oc; ++o) bias.data()[o] = random.Float();
    epilogue = {
        .activation = activation, .alpha = 0.25f, .beta = 1.5f, .type = ElementType::kBFloat16};
  }

  ChainStage stage() const { return {packed.data(), bias.data(), epilogue}; }

  Bits Run(const Bits& input, const uint16_t* residual) const {
    Bits output(static_cast<size_t>(Stored(shape.n, shape.oc, shape.oh, shape.ow)));
    AlignedBuffer<char> scratch(variant.scratch_bytes(shape));
    ConvArgs args;
    args.input = input.data();
    args.packed = packed.data();
    args.bias = bias.data();
    args.residual = residual;
    args.output = output.data();
    args.epilogue = epilogue;
    variant.run(shape, args, 0, variant.units(shape), scratch.data());
    return output;
  }

  ConvVariant variant;
  ConvShape shape;
  AlignedBuffer<char> packed;
  AlignedBuffer<float> bias;
  Epilogue epilogue;
};

struct Kernels {
  ConvVariant pointwise, depthwise;
  GatherGemmFn gemm;
  DepthwiseRowsFn rows;
};

void Check(const Case& test, const Kernels& kernels) {
  const ConvChain chain = ChainOf(test);
  ASSERT_TRUE(IsChain(chain));
  Random random(3);
  const Layer expand(kernels.pointwise, chain.expand, Activation::kClip, random);
  const Layer depthwise(kernels.depthwise, chain.depthwise, Activation::kRelu, random);
  const Layer project(kernels.pointwise, chain.project, Activation::kNone, random);
  const ConvShape& dw = chain.depthwise;
  const ConvShape& out = chain.project;
  const Bits input = Images(dw.n, chain.expands ? test.in : test.wide, dw.ih, dw.iw, random);
  const Bits residual = Images(out.n, out.oc, out.oh, out.ow, random);
  const uint16_t* added = test.residual ? residual.data() : nullptr;
  const Bits between = chain.expands ? expand.Run(input, nullptr) : Bits(1);
  const Bits want = project.Run(depthwise.Run(chain.expands ? between : input, nullptr), added);

  for (const int threads : {1, 2}) {
    ChainPlan plan = PlanChain(chain, threads, DefaultMachineModel());
    plan.gemm = kernels.gemm;
    plan.depthwise_rows = kernels.rows;
    const auto image = static_cast<int64_t>(want.size()) / out.n;
    AlignedBuffer<uint16_t> got(static_cast<size_t>(out.n * (image + test.gap)));
    std::fill_n(got.data(), got.size(), uint16_t{0x7FFF});
    AlignedBuffer<char> scratch(ChainScratchBytes(plan));
    std::memset(scratch.data(), 0xFF, scratch.size());  // NaNs
    ChainArgs args;
    args.input = input.data();
    args.expand = expand.stage();
    args.depthwise = depthwise.stage();
    args.project = project.stage();
    args.residual = added;
    args.output = got.data();
    args.output_stride = test.gap == 0 ? 0 : image + test.gap;
    for (int64_t unit = 0; unit < plan.units(); unit += 3) {
      RunChain(plan, args, unit, std::min(unit + 3, plan.units()), scratch.data());
    }
    for (int64_t n = 0; n < out.n; ++n) {
      const uint16_t* of_image = got.data() + n * (image + test.gap);
      for (int64_t i = 0; i < image; ++i) {
        ASSERT_EQ(of_image[i], want.data()[n * image + i]) << plan.id() << " element " << i;
      }
      for (int64_t i = 0; i < test.gap; ++i) ASSERT_EQ(of_image[image + i], 0x7FFF);
    }
  }
}

TEST(ChainBf16, IsItsConvolutionsOneByOne) {
  std::vector<Case> cases;
  for (const int64_t in : {0, 16, 33}) {
    for (const int64_t wide : {24, 40, 150}) {
      for (const int stride : {1, 2}) {
        cases.push_back({in, wide, 40, 19, 17, stride, wide == 24, stride == 1 ? 32 : 0});
        cases.push_back({in, wide, 70, 7, 7, stride, wide == 40});
        cases.push_back({in, wide, 16, 1, 5, stride});
      }
    }
  }
  testing::ForEachTarget([&] {
    std::vector<Kernels> all = {{WidenedPairsConvBf16(), PlainDepthwise3ConvBf16(),
                                 ResolveGatherProduct(GatherProduct::kWidenedPairs),
                                 ResolvePlainDepthwise3Rows()}};
    if (UsableFeatures().Contains(ChainNeeds(ChainOf(cases.front())))) {
      all.push_back({*FindConvVariant("conv/pairs_bf16"), *FindConvVariant("conv/depthwise3_bf16"),
                     ResolveGatherProduct(GatherProduct::kPairs), ResolveDepthwise3Rows()});
    }
    for (const Kernels& kernels : all) {
      for (const Case& test : cases) {
        SCOPED_TRACE(kernels.pointwise.id + std::string(": ") + std::to_string(test.in) + " " +
                     std::to_string(test.wide) + " " + std::to_string(test.height) + "x" +
                     std::to_string(test.width) + " stride " + std::to_string(test.stride));
        Check(test, kernels);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(ChainBf16, TakesWhatItsKernelsTake) {
  ConvChain chain = ChainOf({16, 96, 24, 14, 14});
  EXPECT_TRUE(IsChain(chain));
  chain.depthwise.dw = 2;
  EXPECT_FALSE(IsChain(chain));
  chain = ChainOf({16, 96, 24, 14, 14});
  chain.stored = ElementType::kUInt8;
  EXPECT_FALSE(IsChain(chain));
}

}  // namespace
}  // namespace kinglet::kernels::chain_bf16_test
