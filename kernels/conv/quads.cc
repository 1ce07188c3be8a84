// conv/quads_u8 and conv/narrow_quads_u8, those of first layers, and their plain forms.
#include "kernels/conv/quads.h"

#include <cmath>
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

  struct Limits {
    Limits(float lowest, float highest, int32_t zero)
        : low(lowest), high(highest), zero_point(zero) {}
    float low, high;
    int32_t zero_point;
  };
  template <int V>
  static void StoreCodes(const Int (&sums)[V], const Float (&scales)[V], const Limits& limits,
                         uint8_t* to) {
    for (int v = 0; v < V; ++v) {
      for (int i = 0; i < kLanes; ++i) {
        const float scaled = static_cast<float>(sums[v].lane[i]) * scales[v].lane[i];
        const float code = std::nearbyint(Clamped(scaled, limits.low, limits.high));
        to[v * kLanes + i] = static_cast<uint8_t>(static_cast<int32_t>(code) + limits.zero_point);
      }
    }
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

template <const DotForm& kForm, GatherDotsFn (*kProduct)() noexcept>
void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
         void* scratch) noexcept {
  DotRun(s, kForm, {kProduct(), &CopyCodes, ResolveInterleaveBytes()}, args, begin, end, scratch);
}

bool Supports(const ConvShape& s) { return DotSupports(s, kQuadBlocks); }
// Of few channels the products with zeros between groups cost less than blocks that are mostly
// empty.
bool FirstSupports(const ConvShape& s) {
  constexpr int64_t kMaxChannels = 4;
  return s.ic <= kMaxChannels && DotSupports(s, kQuadPlanes);
}

template <const DotForm& kForm>
PackedFormat Format(const ConvShape& s) {
  PackedFormat format = ConvFormat(kForm.planes ? "first_quads" : "quads", kDotBlock, s);
  format.type = ElementType::kInt8;
  return format;
}

template <const DotForm& kForm>
Work WorkOf(const ConvShape& s, int threads) {
  const double n = static_cast<double>(s.n);
  WorkStage stage = CodeTraffic(s, 1);
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kInt8,
             .family = InstructionFamily::kDot,
             .count = 2 * n * DotMultiplyAdds(s, kForm)});
  auto values = static_cast<double>(RoundUpToBlock(s.oc, kDotBlock) * s.oh * s.ow);
  // Inputs are brought together, and steps are short.
  if (kForm.planes) values += values + static_cast<double>(s.ic * s.ih * s.iw) / 8;
  stage.Add({.kind = WorkKind::kTileEdge, .count = n * values});
  Work work = SharedWork(stage, DotUnits(s), threads);
  work.weight_parts = DotWeightParts(s);
  return work;
}

template <const DotForm& kForm>
ConvVariant Variant(const char* id, CpuFeatures needs, ConvRunFn run) {
  return {.id = id,
          .input = kForm.planes ? kPlainU8 : kBlockedU8,
          .output = kBlockedU8,
          .weights = ElementType::kInt16,
          .needs = needs,
          .supports = kForm.planes ? &FirstSupports : &Supports,
          .work = &WorkOf<kForm>,
          .packed_format = &Format<kForm>,
          .packed_bytes = [](const ConvShape& s) { return DotPackedBytes(s, kForm); },
          .pack =
              [](const ConvShape& s, const void* oihw, void* packed) {
                DotPack(s, kForm, static_cast<const int16_t*>(oihw), static_cast<int32_t*>(packed));
              },
          .units = &DotUnits,
          .scratch_bytes = [](const ConvShape& s) { return DotScratchBytes(s, kForm); },
          .run = run,
          .follows = true};
}

}  // namespace

GatherDotsFn PlainQuadDots() noexcept { return &QuadDots<Plain>::Run; }

ConvVariant QuadsConvU8() {
  return Variant<kQuadBlocks>("conv/quads_u8", {CpuFeature::kAvx512Vnni},
                              &Run<kQuadBlocks, &QuadDotsAvx512Vnni>);
}
ConvVariant NarrowQuadsConvU8() {
  return Variant<kQuadBlocks>("conv/narrow_quads_u8", {CpuFeature::kAvxVnni},
                              &Run<kQuadBlocks, &QuadDotsAvxVnni>);
}
ConvVariant FirstQuadsConvU8() {
  return Variant<kQuadPlanes>("conv/first_quads_u8", {CpuFeature::kAvx512Vnni},
                              &Run<kQuadPlanes, &QuadDotsAvx512Vnni>);
}
ConvVariant FirstNarrowQuadsConvU8() {
  return Variant<kQuadPlanes>("conv/first_narrow_quads_u8", {CpuFeature::kAvxVnni},
                              &Run<kQuadPlanes, &QuadDotsAvxVnni>);
}
std::vector<ConvVariant> PlainQuadsConvsU8() {
  return {Variant<kQuadBlocks>("conv/plain_quads_u8", {}, &Run<kQuadBlocks, &PlainQuadDots>),
          Variant<kQuadPlanes>("conv/plain_first_quads_u8", {}, &Run<kQuadPlanes, &PlainQuadDots>)};
}

}  // namespace kinglet::kernels
