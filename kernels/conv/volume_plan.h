// How a convolution of kernels/conv/volume.h is cut into strips, and how they lie in scratch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/volume.h"
#include "kernels/conv/volume_axis.h"

namespace kinglet::kernels {

// A place in a frame along one axis.
struct WindowPlace {
  int64_t window, offset;
};

// An axis in the frame: a window for each remainder of the input's stride, which all taps share,
// or, `apart`, one for each tap.
struct AxisWindows {
  bool apart = false;
  int64_t count = 1;

  AxisWindows() = default;
  AxisWindows(const PhasedAxis& axis, bool for_taps)
      : apart(for_taps), count(for_taps ? axis.axis().kernel : axis.in_step()) {}

  // Elements of a window for so many outputs of a phase.
  int64_t Length(const PhasedAxis& axis, int64_t outputs) const {
    return outputs + (apart ? 0 : axis.span());
  }
  // Where output number 0 finds the tap.
  WindowPlace Of(const PhasedAxis& axis, int64_t tap) const {
    if (apart) return {tap, 0};
    const AxisTap at = axis.Tap(tap);
    return {at.remainder, at.shift - axis.low()};
  }
  // The input element that a window of the outputs from `output` on begins with.
  int64_t First(const PhasedAxis& axis, int64_t window, int64_t output) const {
    const AxisTap at = apart ? axis.Tap(window) : AxisTap{window, axis.low()};
    return (output + at.shift) * axis.in_step() + at.remainder;
  }
};

struct VolumePlan {
  static constexpr int64_t kHeldBytes = 64;

  explicit VolumePlan(const VolumeShape& shape);

  int64_t Strips() const { return s.n * s.groups * z.axis().out * row_parts * col_parts; }
  int64_t InputElements() const { return s.n * s.ic * z.axis().in * y.axis().in * x.axis().in; }
  int64_t Units() const { return Strips() * tile_parts; }
  size_t ScratchBytes() const {
    return static_cast<size_t>(kHeldBytes + step_bytes + frame_bytes + beside_bytes);
  }
  // Floats before the weights of a phase in the packed ones.
  int64_t PackedOffset(int64_t group, const PhaseTaps& z_taps, const PhaseTaps& y_taps,
                       const PhaseTaps& x_taps) const;

  VolumeShape s;  // its axes as they are gone through: those of size 1 are the first ones
  int64_t group_ic, group_oc;
  PhasedAxis z, y, x;
  AxisWindows y_windows, x_windows;
  bool slides = true;          // along y or x; else the frame would be the input as it is
  int64_t rows = 1, cols = 1;  // of a strip at most
  int64_t row_parts = 1, col_parts = 1;
  int64_t tiles = 1, tile_parts = 1;  // of outputs
  int64_t tiles_beside = 1;           // that are computed before they are put where they belong
  int64_t step_bytes = 0, frame_bytes = 0, beside_bytes = 0;

 private:
  void ChooseWindows();
  void ChooseStrips();
  void Measure();
};

}  // namespace kinglet::kernels
