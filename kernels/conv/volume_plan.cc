#include "kernels/conv/volume_plan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "kernels/common/aligned.h"

namespace kinglet::kernels {
namespace {

// A frame is read once, in the order in which it lies. Where that goes with much arithmetic it need
// not fit the second-level cache.
int64_t FrameFloats(int64_t outputs) {
  constexpr int64_t kMany = 32;
  return outputs >= kMany ? int64_t{1} << 18 : int64_t{1} << 16;
}
// What they make stays there while steps are added.
constexpr int64_t kMaxStripPixels = 1024;
constexpr int64_t kMinCols = 64;
// Rows as narrow as this leave many lanes of their last vector empty.
constexpr int64_t kNarrow = 64;
constexpr int64_t kBesideBytes = 64 << 10;

bool IsPointwise(const VolumeAxis& a) {
  return a.kernel == 1 && a.stride == 1 && a.pad == 0 && a.in == a.out;
}
bool IsTrivial(const VolumeAxis& a) { return IsPointwise(a) && a.in == 1; }

// Axes that nothing slides along are one, and those of size 1 come first: rows are long.
VolumeShape Compact(VolumeShape s) {
  auto& [z, y, x] = s.axes;
  const auto merge = [](VolumeAxis& outer, VolumeAxis& inner) {
    inner.in *= outer.in;
    inner.out = inner.in;
    outer = {};
  };
  if (IsPointwise(y) && IsPointwise(x)) merge(y, x);
  if (IsPointwise(z) && IsTrivial(y) && IsPointwise(x)) merge(z, x);
  for (int i = 0; i < 2; ++i) {
    if (IsTrivial(x)) std::swap(x, y);
    if (IsTrivial(y)) std::swap(y, z);
  }
  return s;
}

}  // namespace

VolumePlan::VolumePlan(const VolumeShape& shape)
    : s(Compact(shape)),
      group_ic(s.ic / s.groups),
      group_oc(s.oc / s.groups),
      z(s.axes[0], s.transposed),
      y(s.axes[1], s.transposed),
      x(s.axes[2], s.transposed),
      slides(!IsPointwise(s.axes[1]) || !IsPointwise(s.axes[2])) {
  ChooseWindows();
  ChooseStrips();
  Measure();
}

void VolumePlan::ChooseWindows() {
  // Whichever copies less.
  const auto apart = [](const PhasedAxis& axis, int64_t outputs) {
    return axis.axis().kernel * outputs <= axis.in_step() * (outputs + axis.span());
  };
  constexpr int64_t kTypicalRows = 8;
  constexpr int64_t kTypicalCols = 256;
  y_windows = {y, apart(y, std::min(y.Count(0), kTypicalRows))};
  x_windows = {x, apart(x, std::min(x.Count(0), kTypicalCols))};
  // Rows of a window that is only as wide as the outputs lie behind one another: the pixels of many
  // rows are one. It pays where each copied element is used often.
  constexpr int64_t kOften = 64;
  const int64_t used = group_oc * y.MostTaps() * z.MostTaps();
  const bool narrow = x.Count(0) < kNarrow && x.Count(0) % (kRowSlack + 1) != 0;
  if (narrow && used >= kOften * std::max<int64_t>(1, x.axis().kernel / 4)) {
    x_windows = {x, true};
  }
}

void VolumePlan::ChooseStrips() {
  const int64_t planes = z.MostTaps() * group_ic;
  const int64_t of_col = planes * x_windows.count;
  const int64_t count_x = x.Count(0);
  const int64_t count_y = y.Count(0);
  const int64_t fitting_cols = FrameFloats(group_oc) / (of_col * y.axis().kernel);
  const int64_t outputs =
      std::min(fitting_cols - (x_windows.apart ? 0 : x.span()), kMaxStripPixels);
  cols = outputs >= count_x ? count_x
                            : std::min(count_x, std::max(outputs / kMinCols * kMinCols, kMinCols));
  col_parts = CeilDiv(count_x, cols);
  const int64_t of_row = of_col * x_windows.Length(x, cols) * y_windows.count;
  rows = FrameFloats(group_oc) / of_row - (y_windows.apart ? 0 : y.span());
  rows = std::min(rows, kMaxStripPixels / cols);
  // Units for the threads.
  constexpr double kMinUnitMultiplyAdds = 1e6;
  constexpr double kEnoughUnits = 16;
  const auto wanted =
      static_cast<int64_t>(std::clamp(MultiplyAdds(s) / kMinUnitMultiplyAdds, 1.0, kEnoughUnits));
  const int64_t others = s.n * s.groups * z.axis().out * col_parts;
  rows = std::min(rows, CeilDiv(count_y, CeilDiv(wanted, others)));
  rows = std::clamp<int64_t>(rows, 1, count_y);
  row_parts = CeilDiv(count_y, rows);
  tiles = RowTiles(group_oc);
  tile_parts = std::min(tiles, CeilDiv(wanted, Strips()));
}

void VolumePlan::Measure() {
  constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
  const int64_t steps = group_ic * z.MostTaps() * y.MostTaps() * x.MostTaps();
  step_bytes = RoundUpToLine(steps * static_cast<int64_t>(sizeof(int64_t)));
  const int64_t frame = group_ic * z.MostTaps() * x_windows.count * x_windows.Length(x, cols) *
                        y_windows.count * y_windows.Length(y, rows);
  frame_bytes = RoundUpToLine((frame + kRowSlack) * kFloat);
  if (x.out_step() == 1) return;
  const int64_t tile_bytes = kRowOutputs * rows * cols * kFloat;
  tiles_beside = std::clamp<int64_t>(kBesideBytes / tile_bytes, 1, tiles);
  beside_bytes = RoundUpToLine(tiles_beside * tile_bytes);
}

int64_t VolumePlan::PackedOffset(int64_t group, const PhaseTaps& z_taps, const PhaseTaps& y_taps,
                                 const PhaseTaps& x_taps) const {
  const int64_t ky = y.axis().kernel;
  const int64_t kx = x.axis().kernel;
  const int64_t taps =
      z_taps.before * ky * kx + z_taps.count * (y_taps.before * kx + y_taps.count * x_taps.before);
  return group_oc * group_ic * (group * z.axis().kernel * ky * kx + taps);
}

double MultiplyAdds(const VolumeShape& s) {
  double count =
      static_cast<double>(s.n) * static_cast<double>(s.oc) * static_cast<double>(s.ic / s.groups);
  for (const VolumeAxis& a : s.axes) {
    count *= static_cast<double>(a.kernel) * static_cast<double>(s.transposed ? a.in : a.out);
  }
  return count;
}

// The bytes depend on how the taps lie along the axes, and on how they divide into phases.
PackedFormat VolumeFormat(const VolumeShape& s) {
  PackedFormat format{.family = "conv",
                      .variant = "planes",
                      .block = kRowOutputs,
                      .groups = s.groups,
                      .transposed = s.transposed};
  for (const VolumeAxis& a : VolumePlan(s).s.axes) {
    format.variant.append("_").append(std::to_string(a.kernel));
    if (s.transposed)
      format.variant.append("x").append(std::to_string(PhasedAxis(a, true).classes()));
  }
  return format;
}

size_t VolumePackedBytes(const VolumeShape& s) {
  int64_t count = s.oc * (s.ic / s.groups);
  for (const VolumeAxis& a : s.axes) count *= a.kernel;
  return static_cast<size_t>(count) * sizeof(float);
}

namespace {

class Packer {
 public:
  Packer(const VolumePlan& plan, const float* weights, float* packed)
      : p_(plan), weights_(weights), packed_(packed) {}

  // The weights of one phase: [tile][z tap][channel][y tap][x tap][outputs of the tile].
  void Pack(int64_t group, const PhaseTaps& zt, const PhaseTaps& yt, const PhaseTaps& xt) {
    float* to = packed_ + p_.PackedOffset(group, zt, yt, xt);
    for (int64_t t = 0; t < p_.tiles; ++t) {
      const Range tile = RowTile(p_.group_oc, t);
      for (int64_t j = 0; j < zt.count * p_.group_ic; ++j) {
        const int64_t kz = zt.first + j / p_.group_ic * p_.z.classes();
        for (int64_t iy = 0; iy < yt.count; ++iy) {
          const int64_t ky = yt.first + iy * p_.y.classes();
          for (int64_t ix = 0; ix < xt.count; ++ix) {
            const int64_t kx = xt.first + ix * p_.x.classes();
            const int64_t tap = (kz * p_.y.axis().kernel + ky) * p_.x.axis().kernel + kx;
            for (int64_t o = tile.begin; o < tile.end; ++o) {
              *to++ = Weight(group, o, j % p_.group_ic, tap);
            }
          }
        }
      }
    }
  }

 private:
  float Weight(int64_t group, int64_t o, int64_t c, int64_t tap) const {
    const int64_t taps = p_.z.axis().kernel * p_.y.axis().kernel * p_.x.axis().kernel;
    const int64_t at = p_.s.transposed ? (group * p_.group_ic + c) * p_.group_oc + o
                                       : (group * p_.group_oc + o) * p_.group_ic + c;
    return weights_[at * taps + tap];
  }

  const VolumePlan& p_;
  const float* weights_;
  float* packed_;
};

}  // namespace

void VolumePack(const VolumeShape& s, const void* weights, void* packed) {
  const VolumePlan plan(s);
  Packer packer(plan, static_cast<const float*>(weights), static_cast<float*>(packed));
  for (int64_t group = 0; group < s.groups; ++group) {
    for (int64_t cz = 0; cz < plan.z.ClassCount(); ++cz) {
      for (int64_t cy = 0; cy < plan.y.ClassCount(); ++cy) {
        for (int64_t cx = 0; cx < plan.x.ClassCount(); ++cx) {
          packer.Pack(group, plan.z.TapsOfClass(cz), plan.y.TapsOfClass(cy),
                      plan.x.TapsOfClass(cx));
        }
      }
    }
  }
}

Work VolumeWork(const VolumeShape& s, int threads) {
  const VolumePlan p(s);
  constexpr double kVector = 8;  // pixels
  constexpr double kCallScalars = 400;
  const auto count = [](int64_t n) { return static_cast<double>(n); };
  double pixels = 1;
  double elements = 1;  // of the input
  double products = count(s.n) * count(s.oc) * count(p.group_ic);
  for (const PhasedAxis* axis : {&p.z, &p.y, &p.x}) {
    products *= axis->AllTaps();
    pixels *= count(axis->axis().out);
    elements *= count(axis->axis().in);
  }
  const bool flat = p.x_windows.apart && p.cols == p.x.Count(0) && p.y.out_step() == 1;
  const double run = count(flat ? p.cols * p.rows : p.cols);
  const double lanes = kVector * count(CeilDiv(static_cast<int64_t>(run), 8)) / run;
  // A single output shares no loads.
  const double alone = p.group_oc == 1 ? 2.2 : p.group_oc == 2 ? 1.3 : 1.05;
  const double values = count(s.n) * count(s.oc) * pixels;
  const double strips = count(p.Strips());
  const double copied = p.slides ? strips * count(p.frame_bytes) / sizeof(float) : 0;
  const double calls = strips * count(p.tile_parts) * count(p.y.phases()) * count(p.x.phases());
  WorkStage stage;
  stage.read_bytes = 4.0 * count(s.n) * count(s.ic) * elements;
  stage.write_bytes = 4.0 * values;
  stage.weight_bytes = static_cast<double>(VolumePackedBytes(s));
  stage.Add({.kind = WorkKind::kTile, .count = 2 * products * lanes * alone});
  // A single output has many small tiles.
  const double edges = p.group_oc == 1 ? 3 : 1;
  stage.Add({.kind = WorkKind::kTileEdge, .count = values * lanes * edges});
  const double scattered = p.x.out_step() > 1 ? values : 0;
  stage.Add({.kind = WorkKind::kScalar,
             .count = copied * (p.x.in_step() > 1 ? 1 : 0.15) + scattered + calls * kCallScalars});
  return SharedWork(stage, p.Units(), threads);
}

}  // namespace kinglet::kernels
