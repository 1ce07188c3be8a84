#include "kernels/conv/dilated.h"

#include <algorithm>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/cpu.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"

namespace kinglet::kernels {
namespace {

// Input channels go in chunks, so that what all taps and outputs read of them stays in the
// second-level cache.
constexpr int64_t kChunkPlanes = 16;
// Fewer pixels would not hide the reading of the weights.
constexpr int64_t kMinStripPixels = 128;
constexpr int64_t kMaxCallPixels = 512;

// The outputs of an axis for which a tap reads inside the input.
Range Reached(int64_t in, int64_t out, int64_t stride, int64_t shift) {
  const int64_t begin = shift >= 0 ? 0 : CeilDiv(-shift, stride);
  const int64_t end = shift >= in ? 0 : CeilDiv(in - shift, stride);
  return {std::min(begin, out), std::clamp(end, std::min(begin, out), out)};
}
Range RowsOf(const ConvShape& s, int64_t i) {
  return Reached(s.ih, s.oh, s.sh, i * s.dh - s.pad_top);
}
Range ColsOf(const ConvShape& s, int64_t j) {
  return Reached(s.iw, s.ow, s.sw, j * s.dw - s.pad_left);
}
constexpr int64_t Size(const Range& r) { return r.end - r.begin; }

// Pixels that the taps reach, summed over the taps.
double ReachedPixels(const ConvShape& s) {
  int64_t rows = 0;
  int64_t cols = 0;
  for (int64_t i = 0; i < s.kh; ++i) rows += Size(RowsOf(s, i));
  for (int64_t j = 0; j < s.kw; ++j) cols += Size(ColsOf(s, j));
  return static_cast<double>(rows) * static_cast<double>(cols);
}

bool Supports(const ConvShape& s) {
  constexpr double kWorthwhile = 0.8;  // of the products
  const bool fills =
      s.groups == 1 || ((s.ic / s.groups) % kBlock == 0 && (s.oc / s.groups) % kBlock == 0);
  // Offsets of pixels fit their type, however far the padding reaches.
  constexpr double kMostElements = 1e12;
  const auto reach = static_cast<double>(s.oh) * s.sh * static_cast<double>(s.iw);
  const auto taps = static_cast<double>(s.kh) * static_cast<double>(s.iw);
  if (std::max({reach, taps, static_cast<double>(s.ow) * s.sw}) > kMostElements) return false;
  const double all = static_cast<double>(s.oh * s.ow) * s.kh * s.kw;
  return fills && (s.dh > 1 || s.dw > 1) && ReachedPixels(s) < kWorthwhile * all;
}

struct Plan {
  explicit Plan(const ConvShape& s)
      : group_ic(s.ic / s.groups),
        planes(BlockCount(group_ic)),
        blocks(BlockCount(s.oc / s.groups)),
        last_lanes(s.oc / s.groups - (blocks - 1) * kBlock),
        chunks(CeilDiv(planes, kChunkPlanes)) {
    constexpr double kMinUnitMultiplyAdds = 250e3;
    constexpr double kEnoughUnits = 32;
    const auto wanted = static_cast<int64_t>(std::clamp(
        MultiplyAdds(s) * static_cast<double>(s.n) / kMinUnitMultiplyAdds, 1.0, kEnoughUnits));
    const int64_t others = s.n * s.groups;
    // What an output row reads of the planes of a chunk: a row for each row of taps.
    const int64_t row_bytes = std::min(planes, kChunkPlanes) * s.iw * kPixelBytes * s.kh;
    const int64_t fitting = static_cast<int64_t>(ActiveCpu().caches.l2_bytes) / 2 / row_bytes;
    const int64_t rows = std::max(CeilDiv(kMinStripPixels, s.ow),
                                  std::min(fitting, CeilDiv(s.oh, CeilDiv(wanted, others))));
    strips = CeilDiv(s.oh, std::clamp<int64_t>(rows, 1, s.oh));
    block_parts = std::min(blocks, CeilDiv(wanted, others * strips));
    list_pixels = s.ow * std::clamp<int64_t>(kMaxCallPixels / s.ow, 1, s.oh);
  }

  int64_t UnitsOfGroup() const { return strips * block_parts; }
  int64_t StepBytes() const { return RoundUpToLine(planes * 8); }
  int64_t ChannelsOf(int64_t chunk) const {
    constexpr int64_t kChannels = kChunkPlanes * kBlock;
    return std::min(kChannels, group_ic - chunk * kChannels);
  }

  int64_t group_ic, planes, blocks, last_lanes, chunks;
  int64_t strips = 1, block_parts = 1;
  int64_t list_pixels = 1;  // whole rows
};

class Runner {
 public:
  Runner(const ConvShape& s, GatherGemmFn gemm, const ConvArgs& args, void* scratch)
      : s_(s), plan_(s), gemm_(gemm), args_(args) {
    auto* steps = static_cast<int64_t*>(scratch);
    auto* pixels = reinterpret_cast<int64_t*>(static_cast<char*>(scratch) + plan_.StepBytes());
    for (int64_t i = 0; i < plan_.planes; ++i) steps[i] = i * s.ih * s.iw * kBlock;
    for (int64_t p = 0; p < plan_.list_pixels; ++p) {
      pixels[p] = (p / s.ow * s.sh * s.iw + p % s.ow * s.sw) * kBlock;
    }
    steps_ = steps;
    job_.pixel_offsets = pixels;
    job_.out_block_stride = s.oh * s.ow * kBlock;
    for (int64_t i = 0; i < s.kh; ++i) {
      for (int64_t j = 0; j < s.kw; ++j) {
        const bool all = Size(RowsOf(s, i)) == s.oh && Size(ColsOf(s, j)) == s.ow;
        if (all) last_tap_ = i * s.kw + j;
        if (Size(RowsOf(s, i)) > 0 && Size(ColsOf(s, j)) > 0) ++live_taps_;
      }
    }
  }

  void Run(int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t part = unit % plan_.block_parts;
      const int64_t strip = unit / plan_.block_parts;
      image_group_ = strip / plan_.strips;
      rows_ = EvenPart(s_.oh, plan_.strips, strip % plan_.strips);
      RunBlocks(EvenPart(plan_.blocks, plan_.block_parts, part));
    }
  }

 private:
  void RunBlocks(const Range& blocks) {
    const int64_t group = image_group_ % s_.groups;
    const int64_t image = image_group_ / s_.groups;
    const int64_t plane = s_.oh * s_.ow * kBlock;
    const int64_t first = group * plan_.blocks + blocks.begin;
    first_block_ = blocks.begin;
    out_ = static_cast<float*>(args_.output) + image * OutputStride(s_, args_) + first * plane;
    residual_ = args_.residual == nullptr ? nullptr
                                          : static_cast<const float*>(args_.residual) +
                                                (image * s_.groups * plan_.blocks + first) * plane;
    bias_ = args_.bias ? args_.bias + first * kBlock : nullptr;
    job_.blocks = Size(blocks);
    job_.last_lanes = blocks.end == plan_.blocks ? plan_.last_lanes : kBlock;
    // The first product begins with bias and residual, the last one ends with the epilogue; where
    // that is not one which covers all outputs, an empty one stands for it.
    const bool single = last_tap_ >= 0 && live_taps_ * plan_.chunks == 1;
    if (!single) Multiply(0, -1, true, false);
    for (int64_t chunk = 0; chunk < plan_.chunks; ++chunk) {
      for (int64_t tap = 0; tap < int64_t{s_.kh} * s_.kw; ++tap) {
        if (tap != last_tap_) Multiply(chunk, tap, false, false);
      }
      if (last_tap_ >= 0) Multiply(chunk, last_tap_, single, chunk + 1 == plan_.chunks);
    }
    if (last_tap_ < 0) Multiply(0, -1, false, true);
  }

  // Adds a chunk's products with a tap, none for -1, to the strip's outputs that it reaches.
  void Multiply(int64_t chunk, int64_t tap, bool first, bool last) {
    const int64_t i = tap < 0 ? 0 : tap / s_.kw;
    const int64_t j = tap < 0 ? 0 : tap % s_.kw;
    const Range reached = tap < 0 ? Range{0, s_.oh} : RowsOf(s_, i);
    const Range cols = tap < 0 ? Range{0, s_.ow} : ColsOf(s_, j);
    const Range rows = {std::max(reached.begin, rows_.begin), std::min(reached.end, rows_.end)};
    if (Size(rows) <= 0 || Size(cols) <= 0) return;
    const int64_t channels = tap < 0 ? 0 : plan_.ChannelsOf(chunk);
    job_.full_steps = channels / kBlock;
    job_.tail_channels = channels % kBlock;
    job_.tail_steps = job_.tail_channels == 0 ? 0 : 1;
    job_.step_offsets = steps_;
    job_.weights = static_cast<const float*>(args_.packed) +
                   WeightsAt(chunk, std::max<int64_t>(tap, 0), channels);
    job_.bias = first ? bias_ : nullptr;
    job_.epilogue = last ? args_.epilogue : Epilogue{};
    const float* input =
        static_cast<const float*>(args_.input) +
        (image_group_ * plan_.planes + chunk * kChunkPlanes) * s_.ih * s_.iw * kBlock;
    // Rows that are whole lie behind one another.
    const int64_t at_once = Size(cols) == s_.ow ? plan_.list_pixels / s_.ow : 1;
    for (int64_t y = rows.begin; y < rows.end; y += at_once) {
      const int64_t row = tap < 0 ? 0 : y * s_.sh - s_.pad_top + i * s_.dh;
      const int64_t col = tap < 0 ? 0 : cols.begin * s_.sw - s_.pad_left + j * s_.dw;
      const int64_t at = (y * s_.ow + cols.begin) * kBlock;
      job_.in = input + (row * s_.iw + col) * kBlock;
      job_.pixels = std::min(at_once, rows.end - y) * Size(cols);
      job_.out = out_ + at;
      job_.residual = !first ? job_.out : residual_ != nullptr ? residual_ + at : nullptr;
      gemm_(job_);
    }
  }

  // [group][chunk][tap][block][channel][16 outputs]
  int64_t WeightsAt(int64_t chunk, int64_t tap, int64_t channels) const {
    const int64_t taps = int64_t{s_.kh} * s_.kw;
    const int64_t before =
        (image_group_ % s_.groups * plan_.group_ic + chunk * kChunkPlanes * kBlock) * taps *
        plan_.blocks;
    return (before + (tap * plan_.blocks + first_block_) * channels) * kBlock;
  }

  const ConvShape& s_;
  const Plan plan_;
  const GatherGemmFn gemm_;
  const ConvArgs& args_;
  const int64_t* steps_ = nullptr;
  int64_t last_tap_ = -1;  // one that reaches all outputs
  int64_t live_taps_ = 0;
  int64_t image_group_ = 0, first_block_ = 0;
  Range rows_{0, 0};
  float* out_ = nullptr;
  const float* residual_ = nullptr;
  const float* bias_ = nullptr;
  GatherGemm job_;
};

size_t PackedBytes(const ConvShape& s) {
  const int64_t lanes = s.groups * RoundUpToBlock(s.oc / s.groups);
  return static_cast<size_t>(lanes * (s.ic / s.groups) * s.kh * s.kw) * sizeof(float);
}

void Pack(const ConvShape& s, const void* oihw, void* packed) {
  const Plan p(s);
  const auto* from = static_cast<const float*>(oihw);
  auto* to = static_cast<float*>(packed);
  const int64_t taps = int64_t{s.kh} * s.kw;
  const int64_t oc = s.oc / s.groups;
  for (int64_t part = 0; part < s.groups * p.chunks; ++part) {
    const int64_t group = part / p.chunks;
    const int64_t begin = part % p.chunks * kChunkPlanes * kBlock;
    const int64_t end = begin + p.ChannelsOf(part % p.chunks);
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t block = 0; block < p.blocks; ++block) {
        for (int64_t c = begin; c < end; ++c) {
          for (int64_t o = block * kBlock; o < (block + 1) * kBlock; ++o) {
            *to++ = o < oc ? from[((group * oc + o) * p.group_ic + c) * taps + tap] : 0.0f;
          }
        }
      }
    }
  }
}

int64_t Units(const ConvShape& s) { return s.n * s.groups * Plan(s).UnitsOfGroup(); }

size_t ScratchBytes(const ConvShape& s) {
  const Plan p(s);
  return static_cast<size_t>(p.StepBytes() + RoundUpToLine(p.list_pixels * 8));
}

Work WorkOf(const ConvShape& s, int threads) {
  const Plan p(s);
  constexpr double kCallScalars = 150;
  const double batch = static_cast<double>(s.n * s.groups);
  const double lanes = static_cast<double>(p.blocks * kBlock);
  const double reached = ReachedPixels(s);
  double calls = 0;
  for (int64_t i = 0; i < s.kh; ++i) {
    for (int64_t j = 0; j < s.kw; ++j) {
      const int64_t cols = Size(ColsOf(s, j));
      const int64_t rows = cols == s.ow ? p.strips : Size(RowsOf(s, i));
      calls += cols > 0 ? static_cast<double>(rows) : 0;
    }
  }
  WorkStage stage = ConvTraffic(s);
  stage.Add({.kind = WorkKind::kTile,
             .count = 2 * batch * reached * static_cast<double>(p.group_ic) * lanes});
  // Each product begins and ends with the values that it adds to.
  const double outputs = static_cast<double>(s.oh * s.ow);
  stage.Add({.kind = WorkKind::kTileEdge,
             .count = batch * (reached * static_cast<double>(p.chunks) + outputs) * lanes});
  stage.Add(
      {.kind = WorkKind::kScalar,
       .count = batch * calls * static_cast<double>(p.chunks * p.block_parts) * kCallScalars});
  return SharedWork(stage, Units(s), threads);
}

}  // namespace

void DilatedRun(const ConvShape& s, GatherGemmFn gemm, const ConvArgs& args, int64_t begin_unit,
                int64_t end_unit, void* scratch) noexcept {
  Runner(s, gemm, args, scratch).Run(begin_unit, end_unit);
}

ConvVariant DilatedConvF32() {
  return {.id = "conv/dilated_f32",
          .input = kBlockedF32,
          .output = kBlockedF32,
          .supports = &Supports,
          .work = &WorkOf,
          .packed_format = [](const ConvShape& s) { return ConvFormat("taps", kBlock, s); },
          .packed_bytes = &PackedBytes,
          .pack = &Pack,
          .units = &Units,
          .scratch_bytes = &ScratchBytes,
          .run = ResolveDilatedConv()};
}

}  // namespace kinglet::kernels
