// What becomes of the sums that matrix tiles of bfloat16 leave: bias, residual, activation, and
// pixels of 32 bfloat16 or of twice 16 float32. Include kernels/common/dispatch.h first.
#if defined(KINGLET_CONV_SUMS_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_CONV_SUMS_BF16_INL_H_
#undef KINGLET_CONV_SUMS_BF16_INL_H_
#else
#define KINGLET_CONV_SUMS_BF16_INL_H_
#endif

#include <algorithm>
#include <cfloat>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/tile_job.h"
#include "kernels/conv/weights_bf16.h"
#include "kernels/tiles/tile.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

// A pixel's 32 sums become 32 bfloat16, and the other way: as VCVTNE2PS2BF16 rounds, to nearest
// even, denormals to zero of their sign.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE auto TileBFloat16(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const auto tiny = hn::Lt(hn::Abs(x), hn::Set(d, FLT_MIN));
  const auto zero = hn::CopySign(hn::Zero(d), x);
  const hn::Rebind<uint16_t, D> d16;
  return hn::DemoteTo(d16, BFloat16Bits(d, hn::IfThenElse(tiny, zero, x)));
}

template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> WidenBFloat16(D d, const uint16_t* from) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, from))));
}

template <class Tiles, ElementType kOut>
class SumsBf16 {
 public:
  static constexpr int64_t kBlock = kBlockBf16;
  static constexpr int64_t kChannelBytes = sizeof(float);
  static constexpr bool kTakesRows = false;

  static int Border(const ConvArgs&) { return 0; }
  static void AddWeights(const ConvShape&, const ConvArgs& args, int64_t steps, int64_t block,
                         TileJob& job) {
    job.weights = static_cast<const char*>(args.packed) + block * steps * kTileStepBytes;
  }

  // `channels` holds the bias afterwards, to whole blocks.
  SumsBf16(const ConvShape& s, const ConvArgs& args, const TilePlace& place, const TileJob&,
           char* channels)
      : bias_(reinterpret_cast<float*>(channels)),
        epilogue_(args.epilogue),
        clamp_(ClampOf(args.epilogue)) {
    const int64_t first = place.first;
    const int64_t count = std::min(s.oc - first, place.blocks * kTileChannels);
    const int64_t given = args.bias == nullptr ? 0 : count;
    if (given > 0) std::copy_n(args.bias + first, given, bias_);
    std::fill(bias_ + given, bias_ + place.blocks * kTileChannels, 0.0f);
    last_block_ = place.blocks - 1;
    last_channels_ = count - last_block_ * kTileChannels;
    plane_ = s.oh * s.ow * kPixel;
    const int64_t dense = BlockCount(s.oc, kPixel) * plane_;
    const int64_t at = first / kPixel * plane_ + place.pixel * kPixel;
    const int64_t stride = args.output_stride != 0 ? args.output_stride : dense;
    out_ = static_cast<Element*>(args.output) + place.image * stride + at;
    if (args.residual != nullptr) {
      residual_ = static_cast<const Element*>(args.residual) + place.image * dense + at;
    }
  }

  template <int C, int A, int B>
  static HWY_INLINE void Dot(Tiles& tiles) {
    tiles.template DotBf16<C, A, B>();
  }

  // Not inline: it has every activation in it, and a loop has it at every step.
  HWY_NOINLINE void Finish(const TileSums& done, int64_t tile, int64_t row, int64_t rows) const {
    const float* sums = reinterpret_cast<const float*>(done.sums) + tile * 512 + row * 16;
    const int32_t* outputs = done.outputs[tile] + row;
    const int64_t valid = done.block == last_block_ ? last_channels_ : kTileChannels;
    const float* bias = bias_ + done.block * kTileChannels;
    const int64_t at = done.block * (kTileChannels / kPixel) * plane_;
    for (int64_t i = 0; i < rows; ++i, sums += 16) {
      if (outputs[i] < 0) continue;
      FinishPixel(sums, bias, at + int64_t{outputs[i]} * kPixel, valid);
    }
  }

 private:
  using Element = std::conditional_t<kOut == ElementType::kBFloat16, uint16_t, float>;
  using Tag = hwy::HWY_NAMESPACE::CappedTag<float, 16>;
  using Vec = hwy::HWY_NAMESPACE::Vec<Tag>;
  static constexpr int64_t kPixel = PixelBlock(kOut);
  static constexpr int64_t kHalf = 16;  // channels of a tile

  // The activation as a clamp of the stored bits, [0, high].
  struct Clamp {
    bool possible = false;
    int16_t high = 0x7FFF;
  };
  static Clamp ClampOf(const Epilogue& e) {
    if (e.activation == Activation::kRelu) return {true, 0x7FFF};
    const bool from_zero = e.activation == Activation::kClip && e.alpha == 0.0f && e.beta >= 0.0f;
    if (!from_zero) return {};
    return {true, static_cast<int16_t>(ToBFloat16(e.beta).bits)};
  }

  HWY_INLINE void FinishPixel(const float* sums, const float* bias, int64_t at,
                              int64_t valid) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const Tag d;
#if HWY_TARGET == HWY_AVX3
    if constexpr (std::is_same_v<Tiles, HardwareTiles> && kOut == ElementType::kBFloat16) {
      const Vec low = Value(sums, bias, at);
      const Vec high = Value(sums + 256, bias + kHalf, at + kHalf);
      const hn::CappedTag<uint16_t, 32> d16;
      hn::Vec<hn::CappedTag<uint16_t, 32>> bits;
      __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(bits.raw) : "v"(high.raw), "v"(low.raw));
      Store(d16, Clamped16(d16, bits), at, 0, valid);
      return;
    }
#endif
    for (int64_t half = 0; half < 2; ++half) {
      for (int64_t lane = 0; lane < kHalf; lane += static_cast<int64_t>(hn::Lanes(d))) {
        const int64_t channel = half * kHalf + lane;
        if constexpr (kOut == ElementType::kBFloat16) {
          const Vec value = Value(sums + half * 256 + lane, bias + channel, at + channel);
          const hn::Rebind<uint16_t, Tag> d16;
          Store(d16, Clamped16(d16, TileBFloat16(d, value)), at + channel, channel, valid);
        } else {
          if (half * kHalf >= valid) return;  // there is no such block
          const int64_t place = at + half * plane_ + lane;
          Store(d, Value(sums + half * 256 + lane, bias + channel, place), place, channel, valid);
        }
      }
    }
  }

  HWY_INLINE Vec Value(const float* sums, const float* bias, int64_t at) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const Tag d;
    Vec value = hn::Add(hn::Load(d, sums), hn::Load(d, bias));
    if (residual_ != nullptr) {
      if constexpr (kOut == ElementType::kBFloat16) {
        value = hn::Add(value, WidenBFloat16(d, residual_ + at));
      } else {
        value = hn::Add(value, hn::Load(d, residual_ + at));
      }
    }
    if (kOut == ElementType::kBFloat16 && clamp_.possible) return value;
    return ActivateVec(d, value, epilogue_);
  }

  template <class D, class V>
  HWY_INLINE V Clamped16(D d, V bits) const {
    namespace hn = hwy::HWY_NAMESPACE;
    if (!clamp_.possible) return bits;
    const hn::RebindToSigned<D> di;
    const auto positive = hn::Max(hn::BitCast(di, bits), hn::Zero(di));
    return hn::BitCast(d, hn::Min(positive, hn::Set(di, clamp_.high)));
  }

  // Channels from `channel` of the block on; zeros beyond `valid`.
  template <class D, class V>
  HWY_INLINE void Store(D d, V value, int64_t at, int64_t channel, int64_t valid) const {
    namespace hn = hwy::HWY_NAMESPACE;
    if (valid < kTileChannels) {
      const int64_t left = std::max<int64_t>(valid - channel, 0);
      value = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(left)), value);
    }
    hn::StoreU(value, d, out_ + at);
  }

  float* const bias_;
  const Epilogue epilogue_;
  const Clamp clamp_;
  const Element* residual_ = nullptr;
  Element* out_ = nullptr;
  int64_t plane_ = 0;  // elements of one block
  int64_t last_block_ = 0, last_channels_ = kTileChannels;
};

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_CONV_SUMS_BF16_INL_H_
