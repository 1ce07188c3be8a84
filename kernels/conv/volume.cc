#include "kernels/conv/volume.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/activate.h"
#include "kernels/common/aligned.h"
#include "kernels/conv/volume_plan.h"

namespace kinglet::kernels {
namespace {

// Rows are short, so that a call for each would take longer than the copying.
void CopyFloats(const float* from, int64_t count, float* to) {
  constexpr int64_t kChunk = 8;
  constexpr size_t kChunkBytes = kChunk * sizeof(float);
  int64_t i = 0;
  for (; i + kChunk <= count; i += kChunk) std::memcpy(to + i, from + i, kChunkBytes);
  if (i < count && count >= kChunk) {
    std::memcpy(to + count - kChunk, from + count - kChunk, kChunkBytes);
  } else {
    for (; i < count; ++i) to[i] = from[i];
  }
}

// One row of a window: element i0 + c * step of a row of `size` elements, zero outside it.
void CopyRow(const float* row, int64_t size, int64_t i0, int64_t step, int64_t length, float* to) {
  const int64_t before = i0 >= 0 ? 0 : std::min(CeilDiv(-i0, step), length);
  const int64_t until = i0 >= size ? before : std::clamp(CeilDiv(size - i0, step), before, length);
  std::fill_n(to, before, 0.0f);
  if (step == 1) {
    if (until > before) CopyFloats(row + i0 + before, until - before, to + before);
  } else {
    for (int64_t c = before; c < until; ++c) to[c] = row[i0 + c * step];
  }
  std::fill_n(to + until, length - until, 0.0f);
}

class Runner {
 public:
  Runner(const VolumeShape& s, RowProductFn product, const ConvArgs& args, void* scratch)
      : plan_(s),
        product_(product),
        args_(args),
        activate_(ResolveActivate()),
        held_(static_cast<int64_t*>(scratch)) {
    auto* at = static_cast<char*>(scratch) + VolumePlan::kHeldBytes;
    steps_ = reinterpret_cast<int64_t*>(at);
    frame_ = reinterpret_cast<float*>(at + plan_.step_bytes);
    beside_ = reinterpret_cast<float*>(at + plan_.step_bytes + plan_.frame_bytes);
    if (!args.again) *held_ = -1;
  }

  void Run(int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t part = unit % plan_.tile_parts;
      const int64_t strip = unit / plan_.tile_parts;
      Place(strip);
      if (!ReadsInput()) {
        if (*held_ != strip) HoldFrame();
        *held_ = strip;
      }
      RunStrip(EvenPart(plan_.tiles, plan_.tile_parts, part));
    }
  }

 private:
  // Where a strip lies.
  void Place(int64_t strip) {
    const VolumePlan& p = plan_;
    cols_ = EvenPart(p.x.Count(0), p.col_parts, strip % p.col_parts);
    strip /= p.col_parts;
    rows_ = EvenPart(p.y.Count(0), p.row_parts, strip % p.row_parts);
    strip /= p.row_parts;
    z_ = strip % p.z.axis().out;
    image_group_ = strip / p.z.axis().out;
    group_ = image_group_ % p.s.groups;
    z_taps_ = p.z.TapsOf(z_ % p.z.out_step());
    const auto outside = [&](int64_t j) {
      const int64_t plane = InputPlane(j);
      return plane < 0 || plane >= p.z.axis().in;
    };
    inside_ = {0, z_taps_.count};
    while (inside_.begin < inside_.end && outside(inside_.begin)) ++inside_.begin;
    while (inside_.begin < inside_.end && outside(inside_.end - 1)) --inside_.end;
    row_length_ = p.y_windows.Length(p.y, rows_.end - rows_.begin);
    col_length_ = p.x_windows.Length(p.x, cols_.end - cols_.begin);
  }

  // The input plane that tap number j of the output plane reads.
  int64_t InputPlane(int64_t j) const {
    const PhasedAxis& z = plan_.z;
    const AxisTap tap = z.Tap(z_taps_.first + j * z.classes());
    return (z_ / z.out_step() + tap.shift) * z.in_step() + tap.remainder;
  }

  // Elements before input plane `plane` of channel `c` of the group.
  int64_t InputAt(int64_t c, int64_t plane) const {
    const int64_t channel = image_group_ * plan_.group_ic + c;
    return (channel * plan_.z.axis().in + plane) * plan_.y.axis().in * plan_.x.axis().in;
  }

  // Whether the input itself serves as a frame: nothing slides, and there is something behind the
  // last row that vectors may reach.
  bool ReadsInput() {
    const VolumePlan& p = plan_;
    const int64_t width = p.x.axis().in;
    direct_ = false;
    if (p.slides || inside_.begin == inside_.end) return false;
    const int64_t last = std::max(InputPlane(inside_.begin), InputPlane(inside_.end - 1));
    const int64_t read =
        InputAt(p.group_ic - 1, last) + (rows_.end - 1) * width + cols_.end + kRowSlack;
    direct_ = read <= p.InputElements();
    row_pitch_ = width;
    return direct_;
  }

  void HoldFrame() {
    const VolumePlan& p = plan_;
    float* to = frame_;
    for (int64_t j = inside_.begin; j < inside_.end; ++j) {
      for (int64_t c = 0; c < p.group_ic; ++c) {
        to = HoldPlane(static_cast<const float*>(args_.input) + InputAt(c, InputPlane(j)), to);
      }
    }
    std::fill_n(to, kRowSlack, 0.0f);
  }

  float* HoldPlane(const float* plane, float* to) {
    const VolumePlan& p = plan_;
    const int64_t width = p.x.axis().in;
    for (int64_t xw = 0; xw < p.x_windows.count; ++xw) {
      const int64_t i0 = p.x_windows.First(p.x, xw, cols_.begin);
      for (int64_t yw = 0; yw < p.y_windows.count; ++yw) {
        int64_t y = p.y_windows.First(p.y, yw, rows_.begin);
        for (int64_t r = 0; r < row_length_; ++r, y += p.y.in_step(), to += col_length_) {
          if (y < 0 || y >= p.y.axis().in) {
            std::fill_n(to, col_length_, 0.0f);
          } else {
            CopyRow(plane + y * width, width, i0, p.x.in_step(), col_length_, to);
          }
        }
      }
    }
    return to;
  }

  // The places of all taps of a phase in the frame, as the weights have them.
  void FillSteps(const PhaseTaps& y_taps, const PhaseTaps& x_taps) {
    const VolumePlan& p = plan_;
    int64_t* to = steps_;
    if (direct_) {
      for (int64_t j = inside_.begin; j < inside_.end; ++j) {
        for (int64_t c = 0; c < p.group_ic; ++c) {
          *to++ = InputAt(c, InputPlane(j)) + rows_.begin * row_pitch_ + cols_.begin;
        }
      }
      return;
    }
    const int64_t planes = (inside_.end - inside_.begin) * p.group_ic;
    if (planes == 0) return;
    for (int64_t i = 0; i < y_taps.count; ++i) {
      const WindowPlace row = p.y_windows.Of(p.y, y_taps.first + i * p.y.classes());
      for (int64_t j = 0; j < x_taps.count; ++j) {
        const WindowPlace col = p.x_windows.Of(p.x, x_taps.first + j * p.x.classes());
        const int64_t window = col.window * p.y_windows.count + row.window;
        *to++ = (window * row_length_ + row.offset) * col_length_ + col.offset;
      }
    }
    // The same in every plane.
    const int64_t taps = y_taps.count * x_taps.count;
    const int64_t plane = p.x_windows.count * p.y_windows.count * row_length_ * col_length_;
    for (int64_t k = taps; k < planes * taps; ++k) steps_[k] = steps_[k - taps] + plane;
  }

  void RunStrip(const Range& tiles) {
    const VolumePlan& p = plan_;
    RowProduct job;
    job.in = direct_ ? static_cast<const float*>(args_.input) : frame_;
    job.steps = steps_;
    job.in_row_stride = direct_ ? row_pitch_ : col_length_;
    job.outputs = p.group_oc;
    job.tiles = tiles;
    if (IsClamp(args_.epilogue)) job.epilogue = args_.epilogue;
    for (int64_t py = 0; py < p.y.phases(); ++py) {
      const PhaseTaps y_taps = p.y.TapsOf(py);
      job.rows = std::min(p.y.Count(py), rows_.end) - rows_.begin;
      for (int64_t px = 0; px < p.x.phases() && job.rows > 0; ++px) {
        const PhaseTaps x_taps = p.x.TapsOf(px);
        job.cols = std::min(p.x.Count(px), cols_.end) - cols_.begin;
        if (job.cols <= 0) continue;
        const int64_t of_plane = p.group_ic * y_taps.count * x_taps.count;
        job.depth = z_taps_.count * of_plane;
        job.first_step = inside_.begin * of_plane;
        job.step_count = (inside_.end - inside_.begin) * of_plane;
        job.shared = p.x_windows.apart ? 1 : std::max<int64_t>(1, x_taps.count);
        job.weights = static_cast<const float*>(args_.packed) +
                      p.PackedOffset(group_, z_taps_, y_taps, x_taps);
        FillSteps(y_taps, x_taps);
        if (p.x.out_step() == 1) {
          RunDense(job, py);
        } else {
          RunScattered(job, py, px);
        }
      }
    }
  }

  // Elements from the start of the output to the first pixel of the phase, in output 0 of the group
  // plus `output`.
  int64_t OutputAt(int64_t output, int64_t py, int64_t px) const {
    const VolumePlan& p = plan_;
    const int64_t channel = image_group_ * p.group_oc + output;
    const int64_t y = rows_.begin * p.y.out_step() + py;
    return (channel * p.z.axis().out + z_) * p.y.axis().out * p.x.axis().out + y * p.x.axis().out +
           cols_.begin * p.x.out_step() + px;
  }

  void RunDense(RowProduct job, int64_t py) {
    const VolumePlan& p = plan_;
    const Range outputs = {RowTile(job.outputs, job.tiles.begin).begin,
                           RowTile(job.outputs, job.tiles.end - 1).end};
    const int64_t at = OutputAt(outputs.begin, py, 0);
    job.out = static_cast<float*>(args_.output) + at;
    job.residual = args_.residual ? static_cast<const float*>(args_.residual) + at : nullptr;
    job.bias = args_.bias ? args_.bias + group_ * p.group_oc + outputs.begin : nullptr;
    job.out_row_stride = p.y.out_step() * p.x.axis().out;
    job.out_stride = p.z.axis().out * p.y.axis().out * p.x.axis().out;
    if (job.cols == job.in_row_stride && job.cols == job.out_row_stride) {
      job.cols *= job.rows;
      job.rows = 1;
    }
    product_(job);
    if (IsClamp(args_.epilogue)) return;
    for (int64_t o = 0; o < outputs.end - outputs.begin; ++o) {
      for (int64_t r = 0; r < job.rows; ++r) {
        activate_(args_.epilogue, job.out + o * job.out_stride + r * job.out_row_stride,
                  static_cast<size_t>(job.cols));
      }
    }
  }

  // Pixels of a phase that lie apart are computed side by side, then put where they belong.
  void RunScattered(RowProduct job, int64_t py, int64_t px) {
    const Range tiles = job.tiles;
    for (int64_t t = tiles.begin; t < tiles.end; t += plan_.tiles_beside) {
      job.tiles = {t, std::min(tiles.end, t + plan_.tiles_beside)};
      RunBeside(job, py, px);
    }
  }

  void RunBeside(RowProduct job, int64_t py, int64_t px) {
    const VolumePlan& p = plan_;
    const Range outputs = {RowTile(job.outputs, job.tiles.begin).begin,
                           RowTile(job.outputs, job.tiles.end - 1).end};
    const int64_t step = p.x.out_step();
    const int64_t cols = job.cols;
    const int64_t rows = job.rows;
    const int64_t row_stride = p.y.out_step() * p.x.axis().out;
    job.bias = args_.bias ? args_.bias + group_ * p.group_oc + outputs.begin : nullptr;
    job.out = beside_;
    job.out_stride = rows * cols;
    job.out_row_stride = cols;
    if (args_.residual != nullptr) {
      float* to = beside_;
      for (int64_t o = outputs.begin; o < outputs.end; ++o) {
        const float* from = static_cast<const float*>(args_.residual) + OutputAt(o, py, px);
        for (int64_t r = 0; r < rows; ++r, from += row_stride) {
          for (int64_t c = 0; c < cols; ++c) *to++ = from[c * step];
        }
      }
      job.residual = beside_;
    }
    if (job.cols == job.in_row_stride) {
      job.cols *= job.rows;
      job.rows = 1;
    }
    product_(job);
    const int64_t count = outputs.end - outputs.begin;
    if (!IsClamp(args_.epilogue)) {
      activate_(args_.epilogue, beside_, static_cast<size_t>(count * rows * cols));
    }
    const float* from = beside_;
    for (int64_t o = outputs.begin; o < outputs.end; ++o) {
      float* to = static_cast<float*>(args_.output) + OutputAt(o, py, px);
      for (int64_t r = 0; r < rows; ++r, to += row_stride) {
        for (int64_t c = 0; c < cols; ++c) to[c * step] = *from++;
      }
    }
  }

  const VolumePlan plan_;
  const RowProductFn product_;
  const ConvArgs& args_;
  const ActivateFn activate_;
  int64_t* const held_;  // the strip whose frame is there
  int64_t* steps_;
  float* frame_;
  float* beside_;
  int64_t image_group_ = 0, group_ = 0, z_ = 0;
  Range rows_{0, 0}, cols_{0, 0};  // in numbers of a phase's outputs
  PhaseTaps z_taps_{0, 0, 0};
  Range inside_{0, 0};  // of them, which read inside the input
  int64_t row_length_ = 0, col_length_ = 0;
  bool direct_ = false;  // there is no frame
  int64_t row_pitch_ = 0;
};

}  // namespace

VolumeShape VolumeOf(const ConvShape& s) {
  VolumeShape v;
  v.n = s.n;
  v.ic = s.ic;
  v.oc = s.oc;
  v.groups = s.groups;
  v.axes[1] = {s.ih, s.oh, s.kh, s.sh, s.dh, s.pad_top};
  v.axes[2] = {s.iw, s.ow, s.kw, s.sw, s.dw, s.pad_left};
  return v;
}

int64_t VolumeUnits(const VolumeShape& s) { return VolumePlan(s).Units(); }

size_t VolumeScratchBytes(const VolumeShape& s) { return VolumePlan(s).ScratchBytes(); }

void VolumeRun(const VolumeShape& s, RowProductFn product, const ConvArgs& args, int64_t begin_unit,
               int64_t end_unit, void* scratch) noexcept {
  Runner(s, product, args, scratch).Run(begin_unit, end_unit);
}

}  // namespace kinglet::kernels
