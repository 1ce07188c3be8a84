// What becomes of the sums that matrix tiles of codes leave: bias, and codes in pixels of 64
// (kernels/common/epilogue.h has the formula). Include kernels/common/dispatch.h first.
#if defined(KINGLET_CONV_SUMS_U8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_CONV_SUMS_U8_INL_H_
#undef KINGLET_CONV_SUMS_U8_INL_H_
#else
#define KINGLET_CONV_SUMS_U8_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/conv/requantise-inl.h"
#include "kernels/conv/tile_job.h"
#include "kernels/conv/tile_weights.h"
#include "kernels/conv/weights_u8.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

template <class Tiles>
class SumsU8 {
 public:
  static constexpr int64_t kBlock = kBlockU8;
  static constexpr int64_t kChannelBytes = sizeof(int32_t) + sizeof(float);
  static constexpr bool kTakesRows = true;

  static int Border(const ConvArgs& args) { return args.input_zero_point; }
  static void AddWeights(const ConvShape& s, const ConvArgs& args, int64_t steps, int64_t block,
                         TileJob& job) {
    const TileWeightsU8 weights(args.packed, TileBlocks(s), steps);
    job.weights = weights.weights + block * steps * kTileStepBytes;
    job.extra_begin = weights.extra_begin + block;
    job.extras = weights.extras;
    job.extra_weights = weights.extra_weights;
    job.weight_sums = weights.sums + block * kTileChannels;
  }

  // `channels` holds biases and scales afterwards, to whole blocks.
  SumsU8(const ConvShape& s, const ConvArgs& args, const TilePlace& place, const TileJob& job,
         char* channels)
      : bias_(reinterpret_cast<int32_t*>(channels)),
        scales_(reinterpret_cast<float*>(channels + place.blocks * kTileChannels * 4)),
        epilogue_(args.epilogue),
        bounds_(args.epilogue),
        first_block_(place.first / kTileChannels),
        last_block_(place.blocks - 1),
        plane_(place.row_of_images ? kPixelBytes : s.oh * s.ow * kPixelBytes) {
    const int64_t count = std::min(s.oc - place.first, place.blocks * kTileChannels);
    SetChannels(args, place, count, job.weight_sums);
    const int64_t dense = BlockCount(s.oc, kBlock) * plane_;
    const int64_t image = args.output_stride != 0 ? args.output_stride : dense;
    pixel_stride_ = place.row_of_images ? image : kPixelBytes;
    out_ = static_cast<uint8_t*>(args.output) + place.image * image + place.pixel * pixel_stride_;
    last_channels_ = count - last_block_ * kTileChannels;
    alone_ = (first_block_ + last_block_) % kHalves == 0;
    std::fill_n(keep_, last_channels_, uint8_t{0xFF});
  }

  template <int C, int A, int B>
  static HWY_INLINE void Dot(Tiles& tiles) {
    tiles.template DotU8S8<C, A, B>();
  }

  // Not inline: a loop has it at every step.
  HWY_NOINLINE void Finish(const TileSums& done, int64_t tile, int64_t row, int64_t rows) const {
    const auto* sums = reinterpret_cast<const int32_t*>(done.sums) + tile * 512 + row * 16;
    const int32_t* outputs = done.outputs[tile] + row;
    const int64_t block = first_block_ + done.block;
    uint8_t* out = out_ + block / kHalves * plane_ + block % kHalves * kTileChannels;
    const int64_t first = done.block * kTileChannels;
    for (int64_t c = 0; c < kTileChannels; c += kStored) {
      if (plain_) {
        Requantise(sums, first, c, outputs, rows, out);
      } else {
        RequantiseAny(sums, first, c, outputs, rows, out);
      }
    }
    if (done.block == last_block_ && (alone_ || last_channels_ < kTileChannels)) {
      ZeroPads(outputs, rows, out);
    }
  }

 private:
  using Tag = hwy::HWY_NAMESPACE::CappedTag<int32_t, 16>;
  using FloatTag = hwy::HWY_NAMESPACE::Rebind<float, Tag>;
  using Vec = hwy::HWY_NAMESPACE::Vec<Tag>;
  using FloatVec = hwy::HWY_NAMESPACE::Vec<FloatTag>;
  static constexpr int64_t kHalves = kBlock / kTileChannels;
  static constexpr int64_t kLanes = hwy::HWY_NAMESPACE::MaxLanes(Tag());
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  static constexpr int kVectors = 2;
#else
  static constexpr int kVectors = 1;
#endif
  static constexpr int64_t kStored = kVectors * kLanes;  // channels at once

  void SetChannels(const ConvArgs& args, const TilePlace& place, int64_t count,
                   const int32_t* weight_sums) {
    const Requantisation& r = args.epilogue.requantisation;
    plain_ = args.epilogue.activation == Activation::kNone;
    for (int64_t i = 0; i < place.blocks * kTileChannels; ++i) {
      const bool there = i < count;
      const int32_t bias =
          there && args.integer_bias != nullptr ? args.integer_bias[place.first + i] : 0;
      const auto zeros =
          static_cast<uint32_t>(weight_sums[i]) * static_cast<uint32_t>(args.input_zero_point);
      bias_[i] = static_cast<int32_t>(static_cast<uint32_t>(bias) - zeros);
      scales_[i] = !there ? 0.0f : r.scales != nullptr ? r.scales[place.first + i] : r.scale;
      plain_ = plain_ && std::isfinite(scales_[i]);
    }
  }

  // Sums of a row's channel c lie at c / 16 * 256 + c % 16.
  static HWY_INLINE Vec Biased(const int32_t* sums, int64_t c, Vec bias) {
    namespace hn = hwy::HWY_NAMESPACE;
    return hn::Add(hn::Load(Tag(), sums + c / 16 * 256 + c % 16), bias);
  }

  // Channels [c, c + kStored) of some pixels.
  HWY_INLINE void Requantise(const int32_t* sums, int64_t first, int64_t c, const int32_t* outputs,
                             int64_t rows, uint8_t* out) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const Tag d;
    const FloatTag df;
    const CodeBounds bounds = bounds_;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
    const Vec bias[2] = {hn::Load(d, bias_ + first + c), hn::Load(d, bias_ + first + c + kLanes)};
    const FloatVec scales[2] = {hn::Load(df, scales_ + first + c),
                                hn::Load(df, scales_ + first + c + kLanes)};
    for (int64_t i = 0; i < rows; ++i, sums += 16) {
      if (outputs[i] < 0) continue;
      const Vec both[2] = {Biased(sums, c, bias[0]), Biased(sums, c + kLanes, bias[1])};
      StoreCodes(d, both, scales, bounds, out + outputs[i] * pixel_stride_ + c);
    }
#else
    const Vec bias = hn::Load(d, bias_ + first + c);
    const FloatVec scales = hn::Load(df, scales_ + first + c);
    for (int64_t i = 0; i < rows; ++i, sums += 16) {
      if (outputs[i] < 0) continue;
      StoreCodes(d, Biased(sums, c, bias), scales, bounds, out + outputs[i] * pixel_stride_ + c);
    }
#endif
  }

  HWY_INLINE void RequantiseAny(const int32_t* sums, int64_t first, int64_t c,
                                const int32_t* outputs, int64_t rows, uint8_t* out) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const Tag d;
    const FloatTag df;
    for (int64_t i = 0; i < rows; ++i, sums += 16) {
      if (outputs[i] < 0) continue;
      for (int64_t at = c; at < c + kStored; at += kLanes) {
        const Vec sum = Biased(sums, at, hn::Load(d, bias_ + first + at));
        StoreAnyCodes(d, sum, hn::Load(df, scales_ + first + at), epilogue_,
                      out + outputs[i] * pixel_stride_ + at);
      }
    }
  }

  // What lies behind the last channel in some pixels.
  HWY_INLINE void ZeroPads(const int32_t* outputs, int64_t rows, uint8_t* out) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::CappedTag<uint8_t, kTileChannels> d;
    for (int64_t i = 0; i < rows; ++i) {
      if (outputs[i] < 0) continue;
      uint8_t* to = out + outputs[i] * pixel_stride_;
      for (int64_t c = 0; c < kTileChannels; c += static_cast<int64_t>(hn::Lanes(d))) {
        hn::StoreU(hn::And(hn::LoadU(d, to + c), hn::Load(d, keep_ + c)), d, to + c);
      }
      if (alone_) std::memset(to + kTileChannels, 0, kTileChannels);
    }
  }

  int32_t* const bias_;
  float* const scales_;
  const Epilogue epilogue_;
  const CodeBounds bounds_;
  bool plain_ = true;                       // codes are sums times finite scales
  uint8_t* out_ = nullptr;                  // the image's first pixel of those that are written
  const int64_t first_block_, last_block_;  // the first one of all, the last one of these
  const int64_t plane_;                     // bytes of one block of 64
  int64_t pixel_stride_ = kPixelBytes;
  int64_t last_channels_ = kTileChannels;
  bool alone_ = false;                            // the last block has no other half in its pixels
  alignas(64) uint8_t keep_[kTileChannels] = {};  // of the last block
};

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_CONV_SUMS_U8_INL_H_
