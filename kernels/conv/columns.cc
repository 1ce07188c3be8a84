#include "kernels/conv/columns.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/activate.h"
#include "kernels/common/aligned.h"
#include "kernels/common/cpu.h"

namespace kinglet::kernels {
namespace {

constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
// Products that wait to be added.
constexpr int64_t kColumnBytes = 64 << 10;

int64_t Product(const VolumeShape& s, int64_t VolumeAxis::*size) {
  return s.axes[0].*size * (s.axes[1].*size) * (s.axes[2].*size);
}

// Units are images x groups x parts of the group's outputs. A unit goes over the input in strips of
// whole rows, of all planes.
struct Plan {
  explicit Plan(const VolumeShape& s)
      : group_ic(s.ic / s.groups),
        group_oc(s.oc / s.groups),
        taps(Product(s, &VolumeAxis::kernel)),
        in(Product(s, &VolumeAxis::in)),
        out(Product(s, &VolumeAxis::out)),
        width(s.axes[2].in) {
    constexpr int64_t kMostPixels = 1024;
    const int64_t frame = static_cast<int64_t>(ActiveCpu().caches.l2_bytes) / 4 / kFloat;
    const int64_t pixels = std::min(frame / group_ic, kMostPixels);
    strip_rows = std::clamp<int64_t>(pixels / width, 1, in / width);
    tiles_at_once = std::clamp<int64_t>(kColumnBytes / (kRowOutputs * strip_rows * width * kFloat),
                                        1, RowTiles(taps));
    constexpr double kMinUnitMultiplyAdds = 1e6;
    constexpr double kEnoughUnits = 16;
    const auto wanted =
        static_cast<int64_t>(std::clamp(MultiplyAdds(s) / kMinUnitMultiplyAdds, 1.0, kEnoughUnits));
    output_parts = std::min(group_oc, CeilDiv(wanted, s.n * s.groups));
  }

  int64_t StepBytes() const { return RoundUpToLine(group_ic * 8); }
  int64_t FrameBytes() const {
    return RoundUpToLine((group_ic * strip_rows * width + kRowSlack) * kFloat);
  }
  int64_t ColumnBytes() const {
    return RoundUpToLine(tiles_at_once * kRowOutputs * strip_rows * width * kFloat);
  }

  int64_t group_ic, group_oc, taps, in, out, width;
  int64_t strip_rows = 1, tiles_at_once = 1, output_parts = 1;
};

class Runner {
 public:
  Runner(const VolumeShape& s, RowProductFn product, const ConvArgs& args, void* scratch)
      : s_(s), plan_(s), product_(product), args_(args), activate_(ResolveActivate()) {
    auto* at = static_cast<char*>(scratch);
    steps_ = reinterpret_cast<int64_t*>(at);
    frame_ = reinterpret_cast<float*>(at + plan_.StepBytes());
    columns_ = reinterpret_cast<float*>(at + plan_.StepBytes() + plan_.FrameBytes());
  }

  void Run(int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      image_group_ = unit / plan_.output_parts;
      RunOutputs(EvenPart(plan_.group_oc, plan_.output_parts, unit % plan_.output_parts));
    }
  }

 private:
  void RunOutputs(const Range& outputs) {
    for (int64_t o = outputs.begin; o < outputs.end; ++o) Begin(o);
    const int64_t rows = plan_.in / plan_.width;
    for (int64_t row = 0; row < rows; row += plan_.strip_rows) {
      rows_ = {row, std::min(rows, row + plan_.strip_rows)};
      HoldFrame();
      for (int64_t o = outputs.begin; o < outputs.end; ++o) AddStrip(o);
    }
    if (args_.epilogue.activation == Activation::kNone) return;
    for (int64_t o = outputs.begin; o < outputs.end; ++o) {
      activate_(args_.epilogue, OutputOf(o), static_cast<size_t>(plan_.out));
    }
  }

  int64_t ChannelOf(int64_t o) const { return image_group_ * plan_.group_oc + o; }
  float* OutputOf(int64_t o) const {
    return static_cast<float*>(args_.output) + ChannelOf(o) * plan_.out;
  }

  // Bias and residual.
  void Begin(int64_t o) {
    const float bias = args_.bias ? args_.bias[ChannelOf(o) % s_.oc] : 0.0f;
    float* out = OutputOf(o);
    if (args_.residual == nullptr) {
      std::fill_n(out, plan_.out, bias);
      return;
    }
    const float* residual = static_cast<const float*>(args_.residual) + ChannelOf(o) * plan_.out;
    for (int64_t i = 0; i < plan_.out; ++i) out[i] = residual[i] + bias;
  }

  // The rows of all channels, so that vectors may reach beyond them.
  void HoldFrame() {
    const int64_t pixels = (rows_.end - rows_.begin) * plan_.width;
    const float* from = static_cast<const float*>(args_.input) +
                        image_group_ * plan_.group_ic * plan_.in + rows_.begin * plan_.width;
    for (int64_t c = 0; c < plan_.group_ic; ++c) {
      std::memcpy(frame_ + c * pixels, from + c * plan_.in,
                  static_cast<size_t>(pixels) * sizeof(float));
      steps_[c] = c * pixels;
    }
    std::fill_n(frame_ + plan_.group_ic * pixels, kRowSlack, 0.0f);
  }

  void AddStrip(int64_t o) {
    const int64_t pixels = (rows_.end - rows_.begin) * plan_.width;
    RowProduct job;
    job.in = frame_;
    job.steps = steps_;
    job.step_count = job.depth = plan_.group_ic;
    job.cols = pixels;
    job.outputs = plan_.taps;
    job.weights = static_cast<const float*>(args_.packed) +
                  ChannelOf(o) % s_.oc * plan_.taps * plan_.group_ic;
    job.out = columns_;
    job.out_stride = pixels;
    for (int64_t t = 0; t < RowTiles(plan_.taps); t += plan_.tiles_at_once) {
      job.tiles = {t, std::min(RowTiles(plan_.taps), t + plan_.tiles_at_once)};
      product_(job);
      const Range taps = {RowTile(plan_.taps, job.tiles.begin).begin,
                          RowTile(plan_.taps, job.tiles.end - 1).end};
      for (int64_t tap = taps.begin; tap < taps.end; ++tap) {
        AddColumn(tap, columns_ + (tap - taps.begin) * pixels, OutputOf(o));
      }
    }
  }

  // Adds what a tap makes of the strip's pixels.
  void AddColumn(int64_t tap, const float* column, float* out) const {
    const auto& [z, y, x] = s_.axes;
    const auto shift = [](const VolumeAxis& a, int64_t k) { return k * a.dilation - a.pad; };
    const int64_t shift_z = shift(z, tap / (y.kernel * x.kernel));
    const int64_t shift_y = shift(y, tap / x.kernel % y.kernel);
    const int64_t shift_x = shift(x, tap % x.kernel);
    // The columns that fall into the output.
    const int64_t begin = std::min(shift_x >= 0 ? 0 : CeilDiv(-shift_x, x.stride), x.in);
    const int64_t room = x.out - shift_x;
    const int64_t end = room <= 0 ? begin : std::clamp(CeilDiv(room, x.stride), begin, x.in);
    for (int64_t row = rows_.begin; row < rows_.end; ++row, column += x.in) {
      const int64_t oz = row / y.in * z.stride + shift_z;
      const int64_t oy = row % y.in * y.stride + shift_y;
      if (oz < 0 || oz >= z.out || oy < 0 || oy >= y.out) continue;
      float* to = out + (oz * y.out + oy) * x.out;
      for (int64_t i = begin; i < end; ++i) to[i * x.stride + shift_x] += column[i];
    }
  }

  const VolumeShape& s_;
  const Plan plan_;
  const RowProductFn product_;
  const ConvArgs& args_;
  const ActivateFn activate_;
  int64_t* steps_;
  float* frame_;
  float* columns_;
  int64_t image_group_ = 0;
  Range rows_{0, 0};
};

}  // namespace

// Strips are whole rows.
bool ColumnsSupports(const VolumeShape& s) {
  constexpr int64_t kMostColumns = 4096;
  return s.transposed && s.axes[2].in <= kMostColumns;
}

Work ColumnsWork(const VolumeShape& s, int threads) {
  const Plan p(s);
  const auto count = [](int64_t n) { return static_cast<double>(n); };
  const double columns = count(s.n) * count(s.oc) * count(p.taps) * count(p.in);
  WorkStage stage;
  stage.read_bytes = 4 * count(s.n) * count(s.ic) * count(p.in);
  stage.write_bytes = 4 * count(s.n) * count(s.oc) * count(p.out);
  stage.weight_bytes = static_cast<double>(ColumnsPackedBytes(s));
  // Few pixels fill no tile, and are too few for what is read of the weights.
  const double few = 1 + 16 / count(p.in);
  stage.Add({.kind = WorkKind::kTile, .count = 2.2 * columns * count(p.group_ic) * few});
  stage.Add({.kind = WorkKind::kTileEdge, .count = columns});
  stage.Add({.kind = WorkKind::kScalar, .count = 1.5 * columns});
  return SharedWork(stage, ColumnsUnits(s), threads);
}

PackedFormat ColumnsFormat(const VolumeShape& s) {
  return {.family = "conv",
          .variant = "columns",
          .block = kRowOutputs,
          .groups = s.groups,
          .transposed = true};
}

size_t ColumnsPackedBytes(const VolumeShape& s) {
  const int64_t taps = Product(s, &VolumeAxis::kernel);
  return static_cast<size_t>(s.oc * (s.ic / s.groups) * taps) * sizeof(float);
}

// [output channel][tile of taps][input channel][taps of the tile]
void ColumnsPack(const VolumeShape& s, const void* weights, void* packed) {
  const Plan p(s);
  const auto* from = static_cast<const float*>(weights);
  auto* to = static_cast<float*>(packed);
  for (int64_t channel = 0; channel < s.oc; ++channel) {
    const int64_t group = channel / p.group_oc;
    const int64_t o = channel % p.group_oc;
    for (int64_t t = 0; t < RowTiles(p.taps); ++t) {
      const Range taps = RowTile(p.taps, t);
      for (int64_t c = 0; c < p.group_ic; ++c) {
        const int64_t filter = (group * p.group_ic + c) * p.group_oc + o;
        for (int64_t tap = taps.begin; tap < taps.end; ++tap) {
          *to++ = from[filter * p.taps + tap];
        }
      }
    }
  }
}

int64_t ColumnsUnits(const VolumeShape& s) { return s.n * s.groups * Plan(s).output_parts; }

size_t ColumnsScratchBytes(const VolumeShape& s) {
  const Plan p(s);
  return static_cast<size_t>(p.StepBytes() + p.FrameBytes() + p.ColumnBytes());
}

void ColumnsRun(const VolumeShape& s, RowProductFn product, const ConvArgs& args,
                int64_t begin_unit, int64_t end_unit, void* scratch) noexcept {
  Runner(s, product, args, scratch).Run(begin_unit, end_unit);
}

}  // namespace kinglet::kernels
