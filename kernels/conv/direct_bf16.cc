// conv/direct_bf16 and its kin: convolutions with weights in bfloat16, sums in float32, inputs and
// outputs in blocks of bfloat16 or of float32. For CPUs that multiply bfloat16 neither by matrix
// tiles nor as pairs, by vectors of float32: no product is faster than that of float32, but what is
// stored and read is half as much.
//
// The window of a strip of output rows is copied as float32 (kernels/conv/tile_window.h); a tile is
// up to six neighbouring pixels by 16 output channels. Weights are pairs of input channels
// (kernels/conv/weights_bf16.h), which a shift and a mask widen.
#include <algorithm>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/tile_scratch.h"
#include "kernels/conv/tile_window.h"
#include "kernels/conv/variants.h"
#include "kernels/conv/weights_bf16.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/direct_bf16.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));
constexpr int kVectors = kLanes < 16 ? 2 : 1;  // of output channels, at once
constexpr int64_t kChannels = kVectors * kLanes;
constexpr int kMaxPixels = 6;
constexpr int64_t kPixel = kBlockBf16;  // floats of a pixel of the window
constexpr int64_t kStepPairs = 256;     // of 16 output channels

HWY_INLINE Vec Widened(const uint16_t* from) {
  const Tag d;
  const hn::Rebind<uint16_t, Tag> d16;
  const hn::RebindToUnsigned<Tag> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, from))));
}

// Copies `count` pixels of the 32 channels from `first` on, `channels` of them there, of the input
// row from (y, x) on: as the layout of the input has them.
struct Source {
  const ConvShape& s;
  TensorDesc desc;
  const void* image;  // of the input
  int64_t first = 0;  // channel
  int64_t channels = 0;

  void Copy(int64_t y, int64_t x, int64_t count, float* to) const {
    const int64_t at = y * s.iw + x;
    if (desc.type == ElementType::kBFloat16) return CopyBFloat16(at, count, to);
    CopyFloat(at, count, to);
  }

 private:
  void CopyBFloat16(int64_t at, int64_t count, float* to) const {
    const Tag d;
    const auto* from =
        static_cast<const uint16_t*>(image) + (first / kPixel * s.ih * s.iw + at) * kPixel;
    for (int64_t i = 0; i < count; ++i, from += s.sw * kPixel, to += kPixel) {
      for (int64_t lane = 0; lane < kPixel; lane += kLanes) {
        hn::Store(Widened(from + lane), d, to + lane);
      }
    }
  }
  void CopyFloat(int64_t at, int64_t count, float* to) const {
    for (int64_t half = 0; half < kPixel; half += kBlock) {
      const bool there = half < channels;
      const auto* from =
          static_cast<const float*>(image) + ((first + half) / kBlock * s.ih * s.iw + at) * kBlock;
      for (int64_t i = 0; i < count; ++i) {
        float* pixel = to + i * kPixel + half;
        if (there) {
          std::memcpy(pixel, from + i * s.sw * kBlock, kBlock * sizeof(float));
        } else {
          std::memset(pixel, 0, kBlock * sizeof(float));
        }
      }
    }
  }
};

class Runner {
 public:
  Runner(const ConvShape& s, const ConvArgs& args, TensorDesc input, TensorDesc output,
         void* scratch)
      : s_(s),
        args_(args),
        input_(input),
        plain_store_{.type = output.type},
        pixel_(PixelBlock(output.type)),
        element_(ElementBytes(output.type)),
        window_(s, kBlockBf16, kBlockBf16, kPixel * 4, true),
        layout_(window_, kPixel * 4),
        scratch_(scratch) {
    if (!args.again) TileScratch::Forget(scratch);
  }

  void Run(int64_t begin, int64_t end) {
    ForTileUnits(window_, begin, end, [&](const TileUnit& unit) { RunUnit(unit); });
  }

 private:
  float* Window() const { return reinterpret_cast<float*>(layout_.Pixels(scratch_)); }

  void Hold(const TileUnit& unit, const Range& rows) const {
    const int64_t group_ic = s_.ic / s_.groups;
    const int64_t image_elements = RoundUpToBlock(s_.ic, PixelBlock(input_.type)) * s_.ih * s_.iw;
    Source source{s_, input_,
                  static_cast<const char*>(args_.input) +
                      unit.image * image_elements * ElementBytes(input_.type)};
    float* to = Window();
    int64_t* steps = layout_.Steps(scratch_);
    for (int64_t block = 0; block < window_.in_blocks(); ++block) {
      source.first = unit.group * group_ic + block * kBlockBf16;
      source.channels = ChannelsOf(block);
      window_.ForPixels(rows, [&](int64_t at, int64_t y, int64_t x, int64_t count) {
        float* pixels = to + at * kPixel;
        if (y < 0) {
          std::memset(pixels, 0, static_cast<size_t>(count * kPixel) * sizeof(float));
        } else {
          source.Copy(y, x, count, pixels);
        }
      });
      to += window_.BlockPixels(rows.end - rows.begin) * kPixel;
      for (int i = 0; i < s_.kh; ++i) {
        for (int j = 0; j < s_.kw; ++j) {
          *steps++ = window_.StepPixels(rows.end - rows.begin, block, i, j) * kPixel;
        }
      }
    }
  }

  int64_t ChannelsOf(int64_t block) const {
    return std::min(s_.ic / s_.groups - block * kBlockBf16, kBlockBf16);
  }

  void RunUnit(const TileUnit& unit) {
    const Range rows = window_.PartOf(unit.part);
    if (!TileScratch::Holds(scratch_, unit)) Hold(unit, rows);
    const int64_t dense = BlockCount(s_.oc, pixel_) * s_.oh * s_.ow * pixel_;
    const int64_t stride = args_.output_stride != 0 ? args_.output_stride : dense;
    out_ = static_cast<char*>(args_.output) + unit.image * stride * element_;
    residual_ = args_.residual == nullptr
                    ? nullptr
                    : static_cast<const char*>(args_.residual) + unit.image * dense * element_;
    const int64_t first = unit.group * window_.out_blocks();
    for (int64_t b = unit.blocks.begin; b < unit.blocks.end; ++b) {
      const auto* weights = static_cast<const uint32_t*>(args_.packed) +
                            (first + b) * window_.steps() * 2 * kStepPairs;
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t channel = (first + b) * kBlockBf16 + half * kBlock;
        if (channel >= RoundUpToBlock(s_.oc, pixel_)) break;
        for (int64_t lane = 0; lane < kBlock; lane += kChannels) {
          weights_ = weights + half * kStepPairs + lane;
          channel_ = channel + lane;
          RunRows(rows);
        }
      }
    }
  }

  void RunRows(const Range& rows) {
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      const float* in = Window() + (y - rows.begin) * window_.pitch() * kPixel;
      const int64_t tiles = CeilDiv(s_.ow, kMaxPixels);
      for (int64_t t = 0; t < tiles; ++t) {
        const Range x = EvenPart(s_.ow, tiles, t);
        RunTile(in + x.begin * kPixel, y * s_.ow + x.begin, x.end - x.begin);
      }
    }
  }

  void RunTile(const float* in, int64_t pixel, int64_t pixels) {
    switch (pixels) {
      case 1:
        return Tile<1>(in, pixel);
      case 2:
        return Tile<2>(in, pixel);
      case 3:
        return Tile<3>(in, pixel);
      case 4:
        return Tile<4>(in, pixel);
      case 5:
        return Tile<5>(in, pixel);
      default:
        return Tile<6>(in, pixel);
    }
  }

  template <int P>
  HWY_NOINLINE void Tile(const float* in, int64_t pixel) {
    const Tag d;
    const hn::RebindToUnsigned<Tag> d32;
    const auto odd_bits = hn::Set(d32, 0xFFFF0000u);
    Vec sum[P][kVectors];
    Begin(pixel, sum);
    const int64_t* steps = layout_.Steps(scratch_);
    const uint32_t* w = weights_;
    for (int64_t block = 0; block < window_.in_blocks(); ++block) {
      const int64_t pairs = CeilDiv(ChannelsOf(block), 2);
      for (int64_t tap = 0; tap < window_.taps(); ++tap, w += 2 * kStepPairs) {
        const float* a = in + *steps++;
        for (int64_t pair = 0; pair < pairs; ++pair, a += 2) {
          hn::Vec<decltype(d32)> both[kVectors];
          KINGLET_UNROLL
          for (int v = 0; v < kVectors; ++v) both[v] = hn::LoadU(d32, w + pair * 16 + v * kLanes);
          KINGLET_UNROLL
          for (int p = 0; p < P; ++p) {
            const Vec x = hn::Set(d, a[p * kPixel]);
            KINGLET_UNROLL
            for (int v = 0; v < kVectors; ++v) {
              sum[p][v] = hn::MulAdd(x, hn::BitCast(d, hn::ShiftLeft<16>(both[v])), sum[p][v]);
            }
          }
          KINGLET_UNROLL
          for (int p = 0; p < P; ++p) {
            const Vec x = hn::Set(d, a[p * kPixel + 1]);
            KINGLET_UNROLL
            for (int v = 0; v < kVectors; ++v) {
              sum[p][v] = hn::MulAdd(x, hn::BitCast(d, hn::And(both[v], odd_bits)), sum[p][v]);
            }
          }
        }
      }
    }
    End(pixel, sum);
  }

  // Elements from the image's beginning to this channel of a pixel.
  int64_t Place(int64_t pixel, int64_t channel) const {
    return (channel / pixel_ * s_.oh * s_.ow + pixel) * pixel_ + channel % pixel_;
  }

  // Bias and residual.
  template <int P>
  HWY_INLINE void Begin(int64_t pixel, Vec (&sum)[P][kVectors]) const {
    const Tag d;
    KINGLET_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const int64_t channel = channel_ + v * kLanes;
      const bool there = args_.bias != nullptr && channel < RoundUpToBlock(s_.oc);
      const Vec bias = there ? hn::LoadU(d, args_.bias + channel) : hn::Zero(d);
      KINGLET_UNROLL
      for (int p = 0; p < P; ++p) {
        sum[p][v] = bias;
        if (residual_ == nullptr) continue;
        const char* from = residual_ + Place(pixel + p, channel) * element_;
        sum[p][v] =
            hn::Add(bias, element_ == 2 ? Widened(reinterpret_cast<const uint16_t*>(from))
                                        : hn::LoadU(d, reinterpret_cast<const float*>(from)));
      }
    }
  }

  template <int P>
  HWY_INLINE void End(int64_t pixel, const Vec (&sum)[P][kVectors]) const {
    const Tag d;
    HWY_ALIGN float sums[P * kVectors * kLanes];
    KINGLET_UNROLL
    for (int p = 0; p < P; ++p) {
      KINGLET_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        hn::Store(sum[p][v], d, sums + (p * kVectors + v) * kLanes);
      }
    }
    StorePixels(sums, pixel, P);
  }

  // Once for all tiles: it has every activation in it.
  HWY_NOINLINE void StorePixels(const float* sums, int64_t pixel, int64_t count) const {
    const Tag d;
    for (int64_t p = 0; p < count; ++p) {
      for (int64_t v = 0; v < kVectors; ++v, sums += kLanes) {
        const int64_t channel = channel_ + v * kLanes;
        const auto valid =
            hn::FirstN(d, static_cast<size_t>(std::clamp<int64_t>(s_.oc - channel, 0, kLanes)));
        const Vec value =
            hn::IfThenElseZero(valid, ActivateVec(d, hn::Load(d, sums), args_.epilogue));
        StoreVec(d, value, plain_store_, channel, out_ + Place(pixel + p, channel) * element_);
      }
    }
  }

  const ConvShape& s_;
  const ConvArgs& args_;
  const TensorDesc input_;
  const Epilogue plain_store_;
  const int64_t pixel_, element_;  // channels and bytes of what is stored
  const TileWindow window_;
  const TileScratch layout_;
  void* const scratch_;
  const uint32_t* weights_ = nullptr;  // of the output channels from channel_ on
  int64_t channel_ = 0;
  char* out_ = nullptr;  // of the image
  const char* residual_ = nullptr;
};

void RunBf16Bf16(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                 void* scratch) noexcept {
  Runner(s, args, kBlockedBF16, kBlockedBF16, scratch).Run(begin, end);
}
void RunBf16F32(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                void* scratch) noexcept {
  Runner(s, args, kBlockedBF16, kBlockedF32, scratch).Run(begin, end);
}
void RunF32Bf16(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                void* scratch) noexcept {
  Runner(s, args, kBlockedF32, kBlockedBF16, scratch).Run(begin, end);
}
ConvRunFn GetRunDirectBf16(TensorDesc input, TensorDesc output) {
  if (input.type == ElementType::kFloat32) return &RunF32Bf16;
  return output.type == ElementType::kFloat32 ? &RunBf16F32 : &RunBf16Bf16;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(DirectBf16);
HWY_EXPORT(GetRunDirectBf16);

namespace {

constexpr int64_t kWindowPixelBytes = kBlockBf16 * 4;

TileWindow WindowOf(const ConvShape& s) {
  return TileWindow(s, kBlockBf16, kBlockBf16, kWindowPixelBytes, true);
}

int64_t Units(const ConvShape& s) { return s.n * WindowOf(s).units().count(); }

size_t ScratchBytes(const ConvShape& s) {
  return TileScratch(WindowOf(s), kWindowPixelBytes).bytes();
}

template <ElementType kIn, ElementType kOut>
Work WorkOf(const ConvShape& s, int threads) {
  const double depth =
      static_cast<double>(CeilDiv(s.ic / s.groups, 2) * 2) * static_cast<double>(s.kh * s.kw);
  const double values =
      static_cast<double>(s.n * s.oh * s.ow) * static_cast<double>(RoundUpToBlock(s.oc));
  WorkStage stage = ConvTrafficOf(s, kIn, kOut, PackedBytesBf16(s));
  // A shift or mask for each vector of weights and tile; the window is copied.
  constexpr double kWidening = 1.3;
  stage.Add({.kind = WorkKind::kTile, .count = kWidening * 2 * values * depth});
  stage.Add({.kind = WorkKind::kTileEdge, .count = 2 * values});
  Work work = SharedWork(stage, Units(s), threads);
  work.weight_parts = s.n > 1 ? 1 : s.groups * WindowOf(s).units().block_parts;
  return work;
}

bool SupportsBlocks(const ConvShape& s) { return HasWideGroups(s, kBlockBf16); }

template <ElementType kIn, ElementType kOut>
ConvVariant Variant(const char* id) {
  const TensorDesc input{kIn, Layout::kBlocked};
  const TensorDesc output{kOut, Layout::kBlocked};
  return {.id = id,
          .input = input,
          .output = output,
          .supports = &SupportsBlocks,
          .work = &WorkOf<kIn, kOut>,
          .packed_format = &FormatBf16,
          .packed_bytes = &PackedBytesBf16,
          .pack = &PackBf16,
          .units = &Units,
          .scratch_bytes = &ScratchBytes,
          .run = KINGLET_RESOLVE(GetRunDirectBf16)(input, output)};
}

using enum ElementType;

}  // namespace

ConvVariant DirectConvBf16() { return Variant<kBFloat16, kBFloat16>("conv/direct_bf16"); }
ConvVariant DirectConvBf16F32() { return Variant<kBFloat16, kFloat32>("conv/direct_bf16_f32"); }
ConvVariant DirectConvF32Bf16() { return Variant<kFloat32, kBFloat16>("conv/direct_f32_bf16"); }

}  // namespace kinglet::kernels
#endif
