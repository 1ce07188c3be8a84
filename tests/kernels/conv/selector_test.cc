// Which kernel wins, by name: for layers of real networks, batches and threads, on made-up machines
// with the built-in figures. The answers are the same on every host. Who changes a kernel's work, a
// figure or the predictor sees here what it changes for whom; a failing row is printed as it would
// have to stand in its table.
#include <gtest/gtest.h>

#include <ostream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/chain/chain.h"
#include "kernels/common/machine_model.h"
#include "kernels/common/predict.h"
#include "kernels/conv/choose.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/choose.h"
#include "kernels/gemm/gemm.h"
#include "tests/support/made_up_cpu.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::selector_test {
namespace {

// A convolution of square maps and kernels, or whose kernel is a row or a column, padded to keep
// the size but for the stride; a product with {K, N}, where the batch are rows; or convolutions
// that may be joined.
using Layer = std::variant<ConvShape, GemmShape, ConvChain>;

ConvShape Rect(int64_t ic, int64_t size, int64_t oc, int kh, int kw, int stride = 1) {
  ConvShape s;
  s.ic = ic;
  s.ih = s.iw = size;
  s.oc = oc;
  s.kh = kh;
  s.kw = kw;
  s.sh = s.sw = stride;
  s.pad_top = (kh - 1) / 2;
  s.pad_left = (kw - 1) / 2;
  s.oh = s.ow = (size + stride - 1) / stride;
  return s;
}
ConvShape Conv(int64_t ic, int64_t size, int64_t oc, int kernel, int stride = 1) {
  return Rect(ic, size, oc, kernel, kernel, stride);
}
ConvShape Depthwise(int64_t channels, int64_t size, int stride = 1, int kernel = 3) {
  ConvShape s = Conv(channels, size, channels, kernel, stride);
  s.groups = channels;
  return s;
}
// With `multiplier` outputs of each channel.
ConvShape Multiplied(ConvShape s, int64_t multiplier) {
  s.groups = s.ic;
  s.oc = multiplier * s.ic;
  return s;
}
GemmShape Product(int64_t k, int64_t n) { return {1, n, k}; }
ConvChain Pair(int64_t channels, int64_t size, int stride, int64_t oc) {
  ConvChain chain;
  chain.depthwise = Depthwise(channels, size, stride);
  chain.project = Conv(channels, chain.depthwise.oh, oc, 1);
  return chain;
}
ConvChain Bottleneck(int64_t ic, int64_t size, int64_t between, int stride, int64_t oc) {
  ConvChain chain = Pair(between, size, stride, oc);
  chain.expands = true;
  chain.expand = Conv(ic, size, between, 1);
  return chain;
}

std::string Short(std::string_view id) {  // "conv/direct_f32" -> "direct"
  const size_t begin = id.find('/') + 1;
  return std::string(id.substr(begin, id.rfind('_') - begin));
}

std::string Winner(ConvShape s, int64_t batch, int threads, const MachineModel& machine) {
  s.n = batch;
  const bool from_picture = s.ic <= 4;
  return Short(
      RankConvVariants(s, threads, machine, {.input_blocked = !from_picture}).front().variant->id);
}
std::string Winner(GemmShape s, int64_t batch, int threads, const MachineModel& machine) {
  s.m = batch;
  return Short(RankGemmVariants(s, threads, machine).front().variant->id);
}
std::string Winner(ConvChain chain, int64_t batch, int threads, const MachineModel& machine) {
  chain.expand.n = chain.depthwise.n = chain.project.n = batch;
  const ChainPlan plan = PlanChain(chain, threads, machine);
  const double joined = PredictSeconds(ChainWork(plan, threads), machine);
  return joined < SeparateSeconds(chain, threads, machine) ? "joined" : "apart";
}

// The winners at batch 1, 8 and 32, each on one and on two threads; one word where all are alike.
std::string Winners(const Layer& layer, const Cpu& cpu) {
  const MachineModel machine = BuiltInMachineModel(cpu);
  std::string all;
  std::string first;
  bool alike = true;
  for (const int64_t batch : {1, 8, 32}) {
    for (const int threads : {1, 2}) {
      const std::string winner =
          std::visit([&](const auto& l) { return Winner(l, batch, threads, machine); }, layer);
      if (first.empty()) first = winner;
      alike = alike && winner == first;
      all += (all.empty() ? "" : threads == 1 ? "  " : " ") + winner;
    }
  }
  return alike ? first : all;
}

struct Row {
  const char* name;
  Layer layer;
  std::string avx2, avx512, neon;
};

bool NeedsAbsentBlas(const std::string& winners) {
  return winners.find("blas") != winners.npos && FindGemmVariant("gemm/blas_f32") == nullptr;
}

void Check(std::span<const Row> rows) {
  testing::ForEachTarget([&] {
    for (const Row& row : rows) {
      if (NeedsAbsentBlas(row.avx2 + row.avx512 + row.neon)) continue;
      const std::string found = '"' + Winners(row.layer, testing::kAvx2Cpu) + "\", \"" +
                                Winners(row.layer, testing::kAvx512Cpu) + "\", \"" +
                                Winners(row.layer, testing::kNeonCpu) + '"';
      EXPECT_EQ(found, '"' + row.avx2 + "\", \"" + row.avx512 + "\", \"" + row.neon + '"')
          << row.name;
    }
  });
}

// clang-format off: tables
// Layer, AVX2, AVX-512, NEON.
const Row kMobileNetV1[] = {
    {"first", Conv(3, 224, 32, 3, 2), "first", "first", "first"},
    {"depthwise 1", Depthwise(32, 112), "depthwise", "depthwise", "depthwise"},
    {"pointwise 1", Conv(32, 112, 64, 1), "direct", "direct", "direct"},
    {"depthwise 2", Depthwise(64, 112, 2), "depthwise", "depthwise", "depthwise"},
    {"pointwise 2", Conv(64, 56, 128, 1), "direct", "direct", "direct"},
    {"depthwise 3", Depthwise(128, 56), "depthwise", "depthwise", "depthwise"},
    {"pointwise 3", Conv(128, 56, 128, 1), "direct", "direct", "direct"},
    {"depthwise 4", Depthwise(128, 56, 2), "depthwise", "depthwise", "depthwise"},
    {"pointwise 4", Conv(128, 28, 256, 1), "direct", "direct", "direct"},
    {"depthwise 5", Depthwise(256, 28), "depthwise", "depthwise", "depthwise"},
    {"pointwise 5", Conv(256, 28, 256, 1), "direct", "direct", "direct"},
    {"depthwise 6", Depthwise(256, 28, 2), "depthwise", "depthwise", "depthwise"},
    {"pointwise 6", Conv(256, 14, 512, 1), "direct", "direct", "direct"},
    {"depthwise 7-11", Depthwise(512, 14), "depthwise", "depthwise", "depthwise"},
    {"pointwise 7-11", Conv(512, 14, 512, 1), "direct", "direct", "direct"},
    {"depthwise 12", Depthwise(512, 14, 2), "depthwise", "depthwise", "depthwise"},
    {"pointwise 12", Conv(512, 7, 1024, 1), "direct", "direct", "direct"},
    {"depthwise 13", Depthwise(1024, 7), "depthwise", "depthwise", "depthwise"},
    {"pointwise 13", Conv(1024, 7, 1024, 1), "direct", "direct", "direct"},
    {"fully connected", Product(1024, 1000), "packed", "packed", "packed"},
};

// Larger kernels of ResNet-50, Inception V2 and V3, and narrow layers where Winograd's border lies.
const Row kLargerKernels[] = {
    {"ResNet 7x7 first", Conv(3, 224, 64, 7, 2), "first", "first", "first"},
    {"ResNet 3x3, 56", Conv(64, 56, 64, 3), "winograd4", "winograd4", "winograd4"},
    {"ResNet 3x3, 28", Conv(128, 28, 128, 3), "winograd4", "winograd4", "winograd4"},
    {"ResNet 3x3, 14", Conv(256, 14, 256, 3),
     "winograd4 winograd2  winograd4 winograd4  winograd4 winograd4",
     "winograd2 winograd2  winograd4 winograd4  winograd4 winograd4", "winograd4"},
    {"ResNet 3x3, 7", Conv(512, 7, 512, 3),
     "winograd2 winograd2  winograd4 winograd4  winograd4 winograd4",
     "direct direct  winograd4 winograd4  winograd4 winograd4", "winograd4"},
    {"ResNet 3x3, 56 by 2", Conv(128, 56, 128, 3, 2), "direct", "direct", "direct"},
    {"ResNet 1x1, 56 by 2", Conv(256, 56, 512, 1, 2), "direct", "direct", "direct"},
    {"Inception 3x3, 56", Conv(64, 56, 192, 3), "winograd4", "winograd4", "winograd4"},
    {"Inception 3x3, 28, wider", Conv(64, 28, 96, 3), "winograd4", "winograd4", "winograd4"},
    {"Inception 3x3, 28", Conv(96, 28, 96, 3), "winograd4", "winograd4", "winograd4"},
    {"Inception 3x3, 14", Conv(160, 14, 192, 3), "winograd4",
     "winograd2 winograd4  winograd4 winograd4  winograd4 winograd4", "winograd4"},
    {"Inception 3x3, 7", Conv(192, 7, 320, 3),
     "winograd2 winograd2  winograd4 winograd4  winograd4 winograd4",
     "direct direct  winograd4 winograd4  winograd4 winograd4", "winograd4"},
    {"Inception 5x5, 35", Conv(48, 35, 64, 5), "winograd2_5x5", "winograd2_5x5", "winograd2_5x5"},
    {"Inception 1x7, 17", Rect(128, 17, 128, 1, 7), "winograd_line7", "winograd_line7",
     "winograd_line7"},
    {"Inception 7x1, 17", Rect(192, 17, 192, 7, 1), "winograd_line7", "winograd_line7",
     "winograd_line7"},
    {"Inception 1x3, 8", Rect(384, 8, 384, 1, 3), "winograd_line3", "winograd_line3",
     "winograd_line3"},
    {"16 channels, 56", Conv(16, 56, 16, 3), "winograd4", "winograd4", "winograd4"},
    {"32 channels, 56", Conv(32, 56, 32, 3), "winograd4", "winograd4", "winograd4"},
    {"32 channels, 14", Conv(32, 14, 32, 3), "winograd4",
     "winograd4 direct  winograd4 winograd4  winograd4 winograd4", "winograd4"},
    {"64 channels, 7", Conv(64, 7, 64, 3), "winograd4",
     "direct direct  winograd4 winograd4  winograd4 winograd4", "winograd4"},
};

// Depthwise convolutions and what stands around them: joined in one pass, or apart.
const Row kChains[] = {
    {"MobileNet V1, 1", Pair(32, 112, 1, 64), "joined", "joined", "joined"},
    {"MobileNet V1, 2", Pair(64, 112, 2, 128), "joined apart  joined joined  joined joined",
     "joined joined  apart apart  joined joined", "joined"},
    {"MobileNet V1, 3", Pair(128, 56, 1, 128), "joined", "joined", "joined"},
    {"MobileNet V1, 4", Pair(128, 56, 2, 256), "joined",
     "joined apart  joined joined  joined joined", "joined joined  joined apart  joined joined"},
    {"MobileNet V1, 5", Pair(256, 28, 1, 256), "joined apart  joined joined  joined joined",
     "joined", "joined"},
    {"MobileNet V1, 6", Pair(256, 28, 2, 512), "apart apart  apart apart  joined joined",
     "apart apart  joined joined  apart apart", "apart apart  apart apart  joined joined"},
    {"MobileNet V1, 7-11", Pair(512, 14, 1, 512), "apart apart  joined joined  joined joined",
     "apart apart  joined joined  joined joined", "apart apart  apart apart  joined joined"},
    {"MobileNet V1, 12", Pair(512, 14, 2, 1024), "apart", "apart", "apart"},
    {"MobileNet V1, 13", Pair(1024, 7, 1, 1024), "apart", "apart", "apart"},
    {"MobileNet V2, 112", Bottleneck(16, 112, 96, 2, 24), "joined", "joined", "joined"},
    {"MobileNet V2, 56", Bottleneck(24, 56, 144, 1, 24), "joined", "joined",
     "joined apart  joined joined  joined joined"},
    {"MobileNet V2, 28", Bottleneck(32, 28, 192, 1, 32), "joined", "joined", "joined"},
    {"MobileNet V2, 14", Bottleneck(96, 14, 576, 1, 96),
     "apart apart  joined joined  joined joined", "apart apart  joined joined  joined joined",
     "joined apart  joined joined  joined joined"},
    {"MobileNet V2, 7", Bottleneck(160, 7, 960, 1, 160), "apart apart  apart apart  joined joined",
     "apart apart  apart apart  joined apart", "apart"},
};

// Heads of a few outputs.
const Row kFewColumns[] = {
    {"one output", Product(1280, 1), "narrow", "narrow", "narrow"},
    {"four outputs", Product(2048, 4), "narrow", "narrow", "narrow"},
};
// clang-format on

TEST(Selector, MobileNetV1) { Check(kMobileNetV1); }

TEST(Selector, LargerKernels) { Check(kLargerKernels); }

// The first layer of Inception V2, eight outputs of each channel: vectors of eight floats hold what
// reads the same input.
TEST(Selector, HalvesOfBlocks) {
  testing::ForEachTarget([&] {
    EXPECT_EQ(Winners(Multiplied(Conv(3, 224, 24, 7, 2), 8), testing::kAvx2Cpu), "first");
  });
}

// Arithmetic is as dear as with AVX2 where AVX-512 has units of half its width.
TEST(Selector, HalfUnits) {
  const std::pair<ConvShape, const char*> rows[] = {
      {Conv(64, 28, 96, 3), "winograd4"},
      {Conv(128, 14, 160, 3), "winograd4"},
      {Conv(256, 14, 256, 3), "winograd4"},
      {Conv(512, 7, 512, 3), "winograd2 winograd2  winograd4 winograd4  winograd4 winograd4"},
      {Conv(256, 14, 1024, 1), "direct"},
  };
  testing::ForEachTarget([&] {
    for (const auto& [shape, winners] : rows) {
      EXPECT_EQ(Winners(shape, testing::kZen4Cpu), winners) << shape.ic << " x " << shape.ih;
    }
  });
}

TEST(Selector, Chains) { Check(kChains); }

TEST(Selector, FewColumns) { Check(kFewColumns); }

// A faster copy of a kernel that needs more than this machine may have.
template <typename Variant>
Variant WithNeeds(Variant variant, CpuFeatures needs) {
  variant.id = "test/needs_more";
  variant.needs = needs;
  return variant;
}

TEST(Selector, AVariantIsSkippedWhereAFeatureThatItNeedsIsAbsent) {
  const ConvShape conv = Conv(64, 28, 64, 1);
  const GemmShape product{32, 1000, 1024};
  const ConvVariant& direct = *FindConvVariant("conv/direct_f32");
  const GemmVariant& packed = *FindGemmVariant("gemm/packed_f32");
  const CpuFeatures needs = {CpuFeature::kAvx512Vnni};
  const std::vector<ConvVariant> convs = {WithNeeds(direct, needs), direct};
  const std::vector<GemmVariant> gemms = {WithNeeds(packed, needs), packed};
  const auto ids = [&](const Cpu& cpu) {
    const MachineModel machine = BuiltInMachineModel(cpu);
    std::string text;
    for (const auto& c : RankConvVariants(conv, 1, machine, {.input_blocked = true}, convs)) {
      text += Short(c.variant->id) + ' ';
    }
    for (const auto& c : RankGemmVariants(product, 1, machine, {}, gemms)) {
      text += Short(c.variant->id) + ' ';
    }
    return text;
  };
  Cpu wide = testing::kAvx512Cpu;
  EXPECT_EQ(ids(wide), "needs direct needs packed ");
  wide.features = wide.features - needs;
  EXPECT_EQ(ids(wide), "direct packed ");
  EXPECT_EQ(ids(testing::kAvx2Cpu), "direct packed ");
  EXPECT_EQ(ids(testing::kNeonCpu), "direct packed ");
}

}  // namespace
}  // namespace kinglet::kernels::selector_test
