// conv/quads_u8 and conv/narrow_quads_u8, and their plain form.
#include "kernels/conv/quads.h"

#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/conv/dot_conv.h"
#include "kernels/conv/quads-inl.h"
#include "kernels/conv/variants.h"

namespace kinglet::kernels {
namespace {

struct Plain {
  struct Int {
    int32_t lane[16];
  };
  struct Float {
    float lane[16];
  };
  static constexpr int kLanes = 16;
  static constexpr int kMaxBlocks = 2, kMaxSums = 6, kMaxOfOne = 4;

  static Int Load(const int32_t* from) {
    Int x;
    std::memcpy(x.lane, from, sizeof(x.lane));
    return x;
  }
  static void Store(const Int& x, int32_t* to) { std::memcpy(to, x.lane, sizeof(x.lane)); }
  static Int Set(int32_t value) {
    Int x;
    for (int32_t& lane : x.lane) lane = value;
    return x;
  }
  static Float LoadFloat(const float* from) {
    Float x;
    std::memcpy(x.lane, from, sizeof(x.lane));
    return x;
  }
  static Int Dot(Int sums, const Int& x, const Int& w) {
    for (int i = 0; i < kLanes; ++i) {
      auto sum = static_cast<uint32_t>(sums.lane[i]);
      for (int k = 0; k < 4; ++k) {
        const auto code = static_cast<uint8_t>(static_cast<uint32_t>(x.lane[i]) >> (8 * k));
        const auto weight = static_cast<int8_t>(static_cast<uint32_t>(w.lane[i]) >> (8 * k));
        sum += static_cast<uint32_t>(int32_t{code} * int32_t{weight});
      }
      sums.lane[i] = static_cast<int32_t>(sum);
    }
    return sums;
  }
  static Int Codes(const Int& sums, const Float& scales, float low, float high, int32_t bias) {
    Int codes;
    for (int i = 0; i < kLanes; ++i) {
      const float scaled = static_cast<float>(sums.lane[i]) * scales.lane[i];
      const float shifted = Clamped(scaled, low, high) + 12582912.0f;
      std::memcpy(&codes.lane[i], &shifted, sizeof(shifted));
      codes.lane[i] -= bias;
    }
    return codes;
  }
  static void StoreBytes(const Int& x, uint8_t* to) {
    for (int i = 0; i < kLanes; ++i) to[i] = static_cast<uint8_t>(x.lane[i]);
  }
};

void CopyCodes(const uint8_t* from, int64_t step, int64_t count, int64_t channels, int32_t,
               void* to) noexcept {
  if (step == 1) {
    std::memcpy(to, from, static_cast<size_t>(count * kPixelBytes));
    return;
  }
  auto* bytes = static_cast<uint8_t*>(to);
  for (int64_t i = 0; i < count; ++i, from += step * kPixelBytes, bytes += kPixelBytes) {
    std::memcpy(bytes, from, static_cast<size_t>(channels));
  }
}

template <GatherDotsFn (*kProduct)() noexcept>
void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
         void* scratch) noexcept {
  DotRun(s, kQuadBlocks, {kProduct(), &CopyCodes, nullptr}, args, begin, end, scratch);
}

GatherDotsFn PlainQuads() noexcept { return &QuadDots<Plain>::Run; }

PackedFormat Format(const ConvShape& s) {
  PackedFormat format = ConvFormat("quads", kDotBlock, s);
  format.type = ElementType::kInt8;
  return format;
}

Work WorkOf(const ConvShape& s, int threads) {
  const double n = static_cast<double>(s.n);
  WorkStage stage = CodeTraffic(s, 1);
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kInt8,
             .family = InstructionFamily::kDot,
             .count = 2 * n * DotMultiplyAdds(s, kQuadBlocks)});
  const auto values = static_cast<double>(RoundUpToBlock(s.oc, kDotBlock) * s.oh * s.ow);
  stage.Add({.kind = WorkKind::kTileEdge, .count = n * values});
  Work work = SharedWork(stage, DotUnits(s), threads);
  work.weight_parts = DotWeightParts(s);
  return work;
}

ConvVariant Variant(const char* id, CpuFeatures needs, ConvRunFn run) {
  return {.id = id,
          .input = kBlockedU8,
          .output = kBlockedU8,
          .weights = ElementType::kInt16,
          .needs = needs,
          .supports = [](const ConvShape& s) { return DotSupports(s, kQuadBlocks); },
          .work = &WorkOf,
          .packed_format = &Format,
          .packed_bytes = [](const ConvShape& s) { return DotPackedBytes(s, kQuadBlocks); },
          .pack =
              [](const ConvShape& s, const void* oihw, void* packed) {
                DotPack(s, kQuadBlocks, static_cast<const int16_t*>(oihw),
                        static_cast<int32_t*>(packed));
              },
          .units = &DotUnits,
          .scratch_bytes = [](const ConvShape& s) { return DotScratchBytes(s, kQuadBlocks); },
          .run = run};
}

}  // namespace

ConvVariant QuadsConvU8() {
  return Variant("conv/quads_u8", {CpuFeature::kAvx512Vnni}, &Run<&QuadDotsAvx512Vnni>);
}
ConvVariant NarrowQuadsConvU8() {
  return Variant("conv/narrow_quads_u8", {CpuFeature::kAvxVnni}, &Run<&QuadDotsAvxVnni>);
}
ConvVariant PlainQuadsConvU8() { return Variant("conv/plain_quads_u8", {}, &Run<&PlainQuads>); }

}  // namespace kinglet::kernels
