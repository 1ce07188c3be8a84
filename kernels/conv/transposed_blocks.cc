#include "kernels/conv/transposed_blocks.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/cpu.h"
#include "kernels/conv/volume_axis.h"

namespace kinglet::kernels {
namespace {

// What a strip's rows of the input may take, and what the weights of the output blocks that go over
// them together may: both in the second-level cache.
int64_t FrameBytes() {
  constexpr int64_t kLeast = 128 << 10;
  return std::max(static_cast<int64_t>(ActiveCpu().caches.l2_bytes) / 4, kLeast);
}
constexpr int64_t kWeightBytes = 192 << 10;
constexpr int64_t kHeldBytes = 64;
constexpr auto kFloat = static_cast<int64_t>(sizeof(float));

// How it is cut: units are images x groups x strips of rows, counted by the outputs of a phase, x
// parts of the output blocks x parts of the phases of rows. A unit goes through the weights of its
// blocks and phases, so rows are cut last.
struct Plan {
  explicit Plan(const VolumeShape& s)
      : y(s.axes[1], true),
        x(s.axes[2], true),
        groups(s.groups),
        group_ic(s.ic / s.groups),
        planes(BlockCount(group_ic)),
        blocks(BlockCount(s.oc / s.groups)),
        last_lanes(s.oc / s.groups - (blocks - 1) * kBlock),
        frame_cols(x.Count(0) + x.span()) {
    constexpr double kMinUnitMultiplyAdds = 250e3;
    constexpr double kEnoughUnits = 32;
    const auto wanted =
        static_cast<int64_t>(std::clamp(MultiplyAdds(s) / kMinUnitMultiplyAdds, 1.0, kEnoughUnits));
    const int64_t others = s.n * s.groups;
    const int64_t row_bytes = planes * frame_cols * kPixelBytes;
    const int64_t fitting = FrameBytes() / row_bytes - y.span();
    const int64_t rows = std::min(fitting, CeilDiv(y.Count(0), CeilDiv(wanted, others)));
    strips = CeilDiv(y.Count(0), std::clamp<int64_t>(rows, 1, y.Count(0)));
    strip_rows = CeilDiv(y.Count(0), strips);
  }

  int64_t UnitsOfGroup() const { return strips * block_parts * phase_parts; }
  int64_t MostSteps() const { return planes * y.MostTaps() * x.MostTaps(); }
  int64_t StepBytes() const { return RoundUpToLine(MostSteps() * 8); }
  int64_t PixelListBytes() const { return RoundUpToLine(x.Count(0) * 8); }
  int64_t FrameFloats() const { return planes * (strip_rows + y.span()) * frame_cols * kBlock; }
  // Floats of one block at so many taps, and before those of a phase.
  int64_t BlockFloats(int64_t taps) const { return group_ic * taps * kBlock; }
  int64_t PackedOffset(int64_t group, const PhaseTaps& yt, const PhaseTaps& xt) const {
    const int64_t taps = yt.before * x.axis().kernel + yt.count * xt.before;
    return blocks * BlockFloats(group * y.axis().kernel * x.axis().kernel + taps);
  }

  PhasedAxis y, x;
  int64_t groups, group_ic, planes, blocks, last_lanes;
  int64_t frame_cols;
  int64_t strips = 1, strip_rows = 1, block_parts = 1, phase_parts = 1;
};

class Runner {
 public:
  Runner(const VolumeShape& s, GatherGemmFn gemm, const ConvArgs& args, void* scratch)
      : plan_(s), gemm_(gemm), args_(args), held_(static_cast<int64_t*>(scratch)) {
    auto* at = static_cast<char*>(scratch) + kHeldBytes;
    steps_ = reinterpret_cast<int64_t*>(at);
    auto* pixels = reinterpret_cast<int64_t*>(at + plan_.StepBytes());
    frame_ = reinterpret_cast<float*>(at + plan_.StepBytes() + plan_.PixelListBytes());
    if (!args.again) *held_ = -1;
    for (int64_t c = 0; c < plan_.x.Count(0); ++c) pixels[c] = c * kBlock;
    const int64_t full_planes = plan_.group_ic / kBlock;
    const int64_t tail = plan_.group_ic % kBlock;
    full_planes_ = full_planes;
    job_.in = frame_;
    job_.pixel_offsets = pixels;
    job_.step_offsets = steps_;
    job_.tail_channels = tail == 0 ? kBlock : tail;
    job_.out_pixel_stride = plan_.x.out_step() * kBlock;
    job_.out_block_stride = plan_.y.axis().out * plan_.x.axis().out * kBlock;
    job_.epilogue = args.epilogue;
  }

  void Run(int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t phase_part = unit % plan_.phase_parts;
      const int64_t block_part = unit / plan_.phase_parts % plan_.block_parts;
      const int64_t strip = unit / (plan_.phase_parts * plan_.block_parts);  // of all images
      rows_ = EvenPart(plan_.y.Count(0), plan_.strips, strip % plan_.strips);
      image_group_ = strip / plan_.strips;
      if (*held_ != strip) HoldFrame();
      *held_ = strip;
      RunBlocks(EvenPart(plan_.blocks, plan_.block_parts, block_part),
                EvenPart(plan_.y.phases(), plan_.phase_parts, phase_part));
    }
  }

 private:
  int64_t FrameRows() const { return rows_.end - rows_.begin + plan_.y.span(); }

  void HoldFrame() {
    const VolumeAxis& y = plan_.y.axis();
    const VolumeAxis& x = plan_.x.axis();
    const auto bytes = [](int64_t pixels) { return static_cast<size_t>(pixels * kPixelBytes); };
    const auto* from =
        static_cast<const float*>(args_.input) + image_group_ * plan_.planes * y.in * x.in * kBlock;
    const int64_t x0 = plan_.x.low();
    const int64_t left = std::clamp<int64_t>(-x0, 0, plan_.frame_cols);
    const int64_t valid = std::clamp<int64_t>(x.in - x0, left, plan_.frame_cols) - left;
    const int64_t right = plan_.frame_cols - left - valid;
    float* to = frame_;
    for (int64_t plane = 0; plane < plan_.planes; ++plane, from += y.in * x.in * kBlock) {
      int64_t row = rows_.begin + plan_.y.low();
      for (int64_t r = 0; r < FrameRows(); ++r, ++row, to += plan_.frame_cols * kBlock) {
        if (row < 0 || row >= y.in) {
          std::memset(to, 0, bytes(plan_.frame_cols));
          continue;
        }
        std::memset(to, 0, bytes(left));
        if (valid > 0) {
          std::memcpy(to + left * kBlock, from + (row * x.in + x0 + left) * kBlock, bytes(valid));
        }
        std::memset(to + (left + valid) * kBlock, 0, bytes(right));
      }
    }
  }

  void FillSteps(const PhaseTaps& y_taps, const PhaseTaps& x_taps) {
    int64_t* to = steps_;
    for (int64_t plane = 0; plane < plan_.planes; ++plane) {
      for (int64_t i = 0; i < y_taps.count; ++i) {
        const AxisTap v = plan_.y.Tap(y_taps.first + i * plan_.y.classes());
        const int64_t row = plane * FrameRows() + v.shift - plan_.y.low();
        for (int64_t j = 0; j < x_taps.count; ++j) {
          const AxisTap h = plan_.x.Tap(x_taps.first + j * plan_.x.classes());
          *to++ = (row * plan_.frame_cols + h.shift - plan_.x.low()) * kBlock;
        }
      }
    }
  }

  void RunBlocks(const Range& blocks, const Range& phases) {
    for (int64_t py = phases.begin; py < phases.end; ++py) {
      const PhaseTaps y_taps = plan_.y.TapsOf(py);
      const int64_t rows = std::min(plan_.y.Count(py), rows_.end) - rows_.begin;
      for (int64_t px = 0; px < plan_.x.phases() && rows > 0; ++px) {
        const PhaseTaps x_taps = plan_.x.TapsOf(px);
        const int64_t taps = y_taps.count * x_taps.count;
        job_.pixels = plan_.x.Count(px);
        job_.full_steps = full_planes_ * taps;
        job_.tail_steps = (plan_.planes - full_planes_) * taps;
        const float* weights = static_cast<const float*>(args_.packed) +
                               plan_.PackedOffset(image_group_ % plan_.groups, y_taps, x_taps);
        FillSteps(y_taps, x_taps);
        RunPhase(blocks, rows, py, px, weights, plan_.BlockFloats(taps));
      }
    }
  }

  // Row by row, so many blocks at once that their weights are still there in the next row.
  void RunPhase(const Range& blocks, int64_t rows, int64_t py, int64_t px, const float* weights,
                int64_t block_floats) {
    const VolumeAxis& y = plan_.y.axis();
    const VolumeAxis& x = plan_.x.axis();
    const int64_t group = image_group_ % plan_.groups;
    const int64_t plane = y.out * x.out * kBlock;
    const int64_t dense_image = plan_.groups * plan_.blocks * plane;
    const int64_t image = image_group_ / plan_.groups;
    const int64_t stride = args_.output_stride != 0 ? args_.output_stride : dense_image;
    const int64_t fitting = kWeightBytes / std::max<int64_t>(1, block_floats * kFloat);
    const int64_t at_once =
        std::clamp<int64_t>(fitting, 1, std::max<int64_t>(1, blocks.end - blocks.begin));
    for (int64_t b = blocks.begin; b < blocks.end; b += at_once) {
      const int64_t end = std::min(blocks.end, b + at_once);
      job_.blocks = end - b;
      job_.last_lanes = end == plan_.blocks ? plan_.last_lanes : kBlock;
      job_.weights = weights + b * block_floats;
      job_.weights_after = end == blocks.end ? job_.weights : nullptr;
      job_.bias = args_.bias ? args_.bias + (group * plan_.blocks + b) * kBlock : nullptr;
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t out_row = (rows_.begin + r) * plan_.y.out_step() + py;
        const int64_t at = (group * plan_.blocks + b) * plane + (out_row * x.out + px) * kBlock;
        job_.in = frame_ + r * plan_.frame_cols * kBlock;
        job_.out = static_cast<float*>(args_.output) + image * stride + at;
        job_.residual = args_.residual == nullptr
                            ? nullptr
                            : static_cast<const float*>(args_.residual) + image * dense_image + at;
        gemm_(job_);
      }
    }
  }

  const Plan plan_;
  const GatherGemmFn gemm_;
  const ConvArgs& args_;
  int64_t* const held_;  // the strip whose frame is there
  int64_t* steps_;
  float* frame_;
  int64_t full_planes_ = 0;
  int64_t image_group_ = 0;
  Range rows_{0, 0};
  GatherGemm job_;
};

}  // namespace

bool TransposedBlocksSupports(const VolumeShape& s) {
  if (!s.transposed) return false;
  // Taps that lie far apart would need a frame of little but zeros.
  const auto near = [](const VolumeAxis& a) {
    constexpr int64_t kFar = 64;
    return PhasedAxis(a, true).span() <= std::max(kFar, a.in);
  };
  const VolumeAxis& z = s.axes[0];
  const bool flat = z.in == 1 && z.out == 1 && z.kernel == 1 && z.pad == 0;
  const bool fills =
      s.groups == 1 || ((s.ic / s.groups) % kBlock == 0 && (s.oc / s.groups) % kBlock == 0);
  return flat && fills && near(s.axes[1]) && near(s.axes[2]);
}

Work TransposedBlocksWork(const VolumeShape& s, int threads) {
  const Plan p(s);
  constexpr double kCallScalars = 150;
  const auto count = [](int64_t n) { return static_cast<double>(n); };
  // A last block that is at most half full is computed by halves.
  const int64_t half = kBlock / 2;
  const int64_t lanes = (p.blocks - 1) * kBlock + (p.last_lanes <= half ? half : kBlock);
  const double pixel_taps = p.y.AllTaps() * p.x.AllTaps();
  const double batch = count(s.n) * count(s.groups);
  const double pixels = batch * count(p.y.axis().out) * count(p.x.axis().out);
  // Few pixels are too few sums to hide the latency of a multiply-add, or for what is read of the
  // weights, and a last block of inputs that is not full is interrupted at each tap.
  const double few = (p.x.Count(0) <= 3 ? 1.6 : 1 + 2 / count(p.x.Count(0))) *
                     (p.group_ic % kBlock == 0 ? 1.0 : 1.15);
  const double calls = batch * count(p.y.axis().out) * count(p.x.phases());
  WorkStage stage;
  stage.read_bytes = 4.0 * count(s.n * s.ic) * count(p.y.axis().in) * count(p.x.axis().in);
  stage.write_bytes = 4.0 * count(s.n * s.oc) * count(p.y.axis().out) * count(p.x.axis().out);
  stage.weight_bytes = static_cast<double>(TransposedBlocksPackedBytes(s));
  stage.Add({.kind = WorkKind::kTile,
             .count = 2 * batch * pixel_taps * count(p.group_ic) * count(lanes) * few});
  stage.Add({.kind = WorkKind::kTileEdge, .count = pixels * count(p.blocks * kBlock)});
  stage.Add({.kind = WorkKind::kScalar, .count = calls * kCallScalars});
  return SharedWork(stage, TransposedBlocksUnits(s), threads);
}

PackedFormat TransposedBlocksFormat(const VolumeShape& s) {
  PackedFormat format{.family = "conv",
                      .variant = "transposed",
                      .block = kBlock,
                      .groups = s.groups,
                      .transposed = true};
  for (const int axis : {1, 2}) {
    const PhasedAxis a(s.axes[static_cast<size_t>(axis)], true);
    format.variant.append("_").append(std::to_string(a.classes()));
  }
  return format;
}

size_t TransposedBlocksPackedBytes(const VolumeShape& s) {
  const int64_t lanes = s.groups * RoundUpToBlock(s.oc / s.groups);
  return static_cast<size_t>(lanes * (s.ic / s.groups) * s.axes[1].kernel * s.axes[2].kernel) *
         sizeof(float);
}

// [group][class of taps][block][plane][y tap][x tap][channel][16 outputs]; the last plane holds
// the real channels only.
void TransposedBlocksPack(const VolumeShape& s, const void* weights, void* packed) {
  const Plan p(s);
  const auto* from = static_cast<const float*>(weights);
  auto* to = static_cast<float*>(packed);
  const int64_t oc = s.oc / s.groups;
  const int64_t ky = p.y.axis().kernel;
  const int64_t kx = p.x.axis().kernel;
  const auto pixel = [&](int64_t channel, int64_t tap, int64_t block) {
    for (int64_t o = block * kBlock; o < (block + 1) * kBlock; ++o) {
      *to++ = o < oc ? from[(channel * oc + o) * ky * kx + tap] : 0.0f;
    }
  };
  const auto taps = [&](int64_t first_channel, int64_t channels, int64_t cy, int64_t cx,
                        int64_t block) {
    for (int64_t i = cy; i < ky; i += p.y.classes()) {
      for (int64_t j = cx; j < kx; j += p.x.classes()) {
        for (int64_t c = 0; c < channels; ++c) pixel(first_channel + c, i * kx + j, block);
      }
    }
  };
  for (int64_t group = 0; group < s.groups; ++group) {
    for (int64_t cy = 0; cy < p.y.ClassCount(); ++cy) {
      for (int64_t cx = 0; cx < p.x.ClassCount(); ++cx) {
        for (int64_t block = 0; block < p.blocks; ++block) {
          for (int64_t c = 0; c < p.group_ic; c += kBlock) {
            taps(group * p.group_ic + c, std::min(kBlock, p.group_ic - c), cy, cx, block);
          }
        }
      }
    }
  }
}

int64_t TransposedBlocksUnits(const VolumeShape& s) {
  return s.n * s.groups * Plan(s).UnitsOfGroup();
}

size_t TransposedBlocksScratchBytes(const VolumeShape& s) {
  const Plan p(s);
  return static_cast<size_t>(kHeldBytes + p.StepBytes() + p.PixelListBytes() +
                             RoundUpToLine(p.FrameFloats() * kFloat));
}

void TransposedBlocksRun(const VolumeShape& s, GatherGemmFn gemm, const ConvArgs& args,
                         int64_t begin_unit, int64_t end_unit, void* scratch) noexcept {
  Runner(s, gemm, args, scratch).Run(begin_unit, end_unit);
}

}  // namespace kinglet::kernels
