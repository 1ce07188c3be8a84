#include "kernels/conv/dot_conv.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/code_lanes.h"
#include "kernels/common/cpu.h"
#include "kernels/conv/dot_geometry.h"
#include "kernels/conv/shape.h"

namespace kinglet::kernels {
namespace {

constexpr int64_t kMaxStripPixels = 384;
constexpr int64_t kMinStripPixels = 24;

// What of the copied input should stay in the second-level cache while the weights pass by.
int64_t StripBytes() {
  constexpr int64_t kLeast = 128 << 10;
  constexpr int64_t kWeights = 64 << 10;
  return std::max(static_cast<int64_t>(ActiveCpu().caches.l2_bytes) / 2 - kWeights, kLeast);
}

// A kernel of one pixel that moves as its output does.
bool IsPixelwise(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.pad_top == 0 && s.pad_left == 0 &&
         s.ih == s.oh && s.iw == s.ow;
}

// It knows no rows.
ConvShape Flattened(ConvShape s) {
  if (!IsPixelwise(s)) return s;
  s.iw *= s.ih;
  s.ow = s.iw;
  s.ih = s.oh = 1;
  return s;
}

// Whether the product reads the input where it is: pixels as they are copied otherwise.
bool ReadsInPlace(const ConvShape& s, const DotForm& form) {
  return !form.planes && form.element_bytes == 1 && IsPixelwise(s);
}

// Work units of an image: parts of the blocks of 64 output channels x parts of the output pixels.
struct Units {
  int64_t block_parts, pixel_parts;
};

Units UnitsOf(const ConvShape& s) {
  constexpr double kMinUnitMultiplyAdds = 400e3;
  constexpr int64_t kEnoughUnits = 64;
  constexpr int64_t kGoodPixels = 96;  // a unit copies its input and reads its weights
  constexpr int64_t kMinPixels = 32;
  const int64_t pixels = s.oh * s.ow;
  const int64_t blocks = BlockCount(s.oc, kDotCodes);
  const auto worthwhile = static_cast<int64_t>(
      std::min(MultiplyAdds(s) / kMinUnitMultiplyAdds, static_cast<double>(kEnoughUnits)));
  const int64_t wanted = std::max<int64_t>(worthwhile, 1);
  Units units{1, std::clamp<int64_t>(pixels / kGoodPixels, 1, wanted)};
  units.block_parts = std::clamp<int64_t>(CeilDiv(wanted, units.pixel_parts), 1, blocks);
  const int64_t more = CeilDiv(wanted, units.block_parts);
  units.pixel_parts = std::clamp<int64_t>(more, units.pixel_parts,
                                          std::max(units.pixel_parts, pixels / kMinPixels));
  return units;
}

// Of the rows, or columns, of the input what the copy holds: all that the kernel spans, or, where
// it has one tap, those that outputs begin at.
struct Axis {
  int64_t step;    // between copied ones
  int64_t stride;  // of outputs, in the copy
  int64_t span;    // copied ones under the kernel
};

Axis AxisOf(int kernel, int stride, int dilation) {
  if (kernel == 1) return {stride, 1, 1};
  return {1, stride, int64_t{kernel - 1} * dilation + 1};
}

// How output pixels are cut into strips whose window fits the cache: several whole rows, or a piece
// of one row.
struct Strips {
  int64_t rows, pixels;
  int64_t copy_pixels;  // of the largest window, of one plane
};

Strips StripsOf(const ConvShape& s, const DotGeometry& g) {
  const Axis y = AxisOf(s.kh, s.sh, s.dh);
  const Axis x = AxisOf(s.kw, s.sw, s.dw);
  const int64_t fitting = StripBytes() / (g.planes * g.pixel_bytes);
  const int64_t full_cols = (s.ow - 1) * x.stride + x.span;
  Strips strips;
  strips.rows = 1 + std::max<int64_t>(0, (fitting / full_cols - y.span) / y.stride);
  strips.rows = std::min({strips.rows, s.oh, std::max<int64_t>(1, kMaxStripPixels / s.ow)});
  strips.pixels = strips.rows * s.ow;
  // A strip that lies within one row is copied with the rows of its taps alone, side by side.
  const int64_t copy_rows = std::max<int64_t>((strips.rows - 1) * y.stride + y.span, s.kh);
  int64_t copy_cols = full_cols;
  if (strips.rows == 1) {
    const int64_t segment = 1 + (fitting / s.kh - x.span) / x.stride;
    const int64_t most = std::max(kMinStripPixels, std::min(segment, kMaxStripPixels));
    const int64_t parts = CeilDiv(s.ow, most);
    strips.pixels = CeilDiv(s.ow, parts);
    copy_cols = (strips.pixels - 1) * x.stride + x.span;
  }
  strips.copy_pixels = (strips.rows == 1 ? s.kh : copy_rows) * copy_cols;
  return strips;
}

// The window of output pixels [begin, end) of an image in scratch, and the planes in it. Units that
// differ in their output channels alone share it.
struct HeldWindow {
  int64_t image, first_plane, last_plane, begin, end;
  bool operator==(const HeldWindow&) const = default;
};

// Where a worker's scratch keeps its parts.
struct Scratch {
  HeldWindow* held;
  int64_t* step_offsets;
  int64_t* pixel_offsets;
  int32_t* sums;
  std::byte* copy;
};

struct ScratchSizes {
  int64_t held, steps, pixels, sums, copy;
  int64_t total() const { return held + steps + pixels + sums + copy; }
};

ScratchSizes SizesOf(const DotGeometry& g, const Strips& strips, bool in_place) {
  constexpr int64_t kBeyond = 4;  // a last group reads behind the last pixel
  const int64_t copy = in_place ? 0 : g.planes * strips.copy_pixels * g.pixel_bytes + kBeyond;
  return {RoundUpToLine(static_cast<int64_t>(sizeof(HeldWindow))),
          RoundUpToLine(g.planes * g.steps_per_plane * 8), RoundUpToLine(strips.pixels * 8),
          RoundUpToLine(strips.pixels * 2 * kDotBlock * 4), RoundUpToLine(copy)};
}

Scratch Divide(void* scratch, const ScratchSizes& sizes) {
  auto* at = static_cast<std::byte*>(scratch);
  const auto take = [&at](int64_t bytes) {
    std::byte* const from = at;
    at += bytes;
    return from;
  };
  Scratch parts;
  parts.held = reinterpret_cast<HeldWindow*>(take(sizes.held));
  parts.step_offsets = reinterpret_cast<int64_t*>(take(sizes.steps));
  parts.pixel_offsets = reinterpret_cast<int64_t*>(take(sizes.pixels));
  parts.sums = reinterpret_cast<int32_t*>(take(sizes.sums));
  parts.copy = take(sizes.copy);
  return parts;
}

// Copied rows y0 + r * row_step and columns x0 + c * col_step of the input.
struct Window {
  int64_t y0, x0, rows, cols, row_step, col_step;
};

void StoreAny(const Epilogue& e, int32_t sum, float scale, uint8_t* to) noexcept {
  Epilogue one = e;
  one.requantisation.scales = nullptr;
  one.requantisation.scale = scale;
  StoreScalar(one, static_cast<float>(sum), 0, to, 0);
}

class Runner {
 public:
  Runner(const ConvShape& whole, const DotForm& form, const DotKernels& kernels,
         const ConvArgs& args, void* scratch)
      : s_(Flattened(whole)),
        form_(form),
        kernels_(kernels),
        args_(args),
        geo_(DotGeometryOf(s_, form)),
        strips_(StripsOf(s_, geo_)),
        units_(UnitsOf(whole)),
        in_place_(ReadsInPlace(s_, form)),
        scratch_(Divide(scratch, SizesOf(geo_, strips_, in_place_))),
        in_image_(form.planes ? s_.ic * s_.ih * s_.iw : geo_.planes * s_.ih * s_.iw * kDotCodes),
        out_plane_(s_.oh * s_.ow * kDotCodes),
        frame_(form.element_bytes == 1 ? args.input_zero_point : 0),
        quads_(QuadPartsOf(whole, form, args.packed)) {
    out_image_ =
        args.output_stride != 0 ? args.output_stride : BlockCount(s_.oc, kDotCodes) * out_plane_;
    if (!args.again) *scratch_.held = {-1, -1, -1, -1, -1};
    job_.full_groups = geo_.full_groups;
    job_.tail_groups = geo_.tail_groups;
    job_.pixel_offsets = scratch_.pixel_offsets;
    job_.sums = scratch_.sums;
    job_.epilogue = &args.epilogue;
    job_.store_any = &StoreAny;
    job_.low = CodesOf(args.epilogue).low;
    job_.high = CodesOf(args.epilogue).high;
  }

  // Units [begin, end) of one image: parts of the pixels for each part of the channels.
  void RunUnits(int64_t image, int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t block_part = begin / units_.pixel_parts;
      const int64_t pixel_part = begin % units_.pixel_parts;
      int64_t taken = std::min(units_.pixel_parts - pixel_part, end - begin);
      Range block_parts = {block_part, block_part + 1};
      if (taken == units_.pixel_parts) {  // whole parts of the channels share their pixels
        block_parts.end = block_part + (end - begin) / units_.pixel_parts;
        taken = (block_parts.end - block_part) * units_.pixel_parts;
      }
      const int64_t parts = std::min(taken, units_.pixel_parts);
      RunParts(image, block_parts, {pixel_part, pixel_part + parts});
      begin += taken;
    }
  }

 private:
  void RunParts(int64_t image, const Range& block_parts, const Range& pixel_parts) {
    const int64_t blocks = BlockCount(s_.oc, kDotCodes);
    const Range out = {EvenPart(blocks, units_.block_parts, block_parts.begin).begin,
                       EvenPart(blocks, units_.block_parts, block_parts.end - 1).end};
    const int64_t pixels = s_.oh * s_.ow;
    int64_t begin = EvenPart(pixels, units_.pixel_parts, pixel_parts.begin).begin;
    const int64_t end = EvenPart(pixels, units_.pixel_parts, pixel_parts.end - 1).end;
    planes_ = {DotPlanesOf(s_, geo_, out.begin * kMaxDotBlocks).begin,
               DotPlanesOf(s_, geo_, BlocksUntil(out.end) - 1).end};
    while (begin < end) {
      const int64_t strip_end = std::min(end, StripEnd(begin));
      HoldWindow(image, begin, strip_end);
      job_.pixels = strip_end - begin;
      at_ = image * BlockCount(s_.oc, kDotCodes) * out_plane_ + begin * kDotCodes;
      auto* to = static_cast<uint8_t*>(args_.output) + image * out_image_ + begin * kDotCodes;
      for (int64_t b = out.begin; b < out.end; ++b) RunBlock(b, to + b * out_plane_);
      begin = strip_end;
    }
  }

  // Blocks of 16 outputs before block `b` of 64.
  int64_t BlocksUntil(int64_t b) const {
    return std::min(b * kMaxDotBlocks, BlockCount(s_.oc, kDotBlock));
  }

  int64_t StripEnd(int64_t begin) const {
    const int64_t row = begin / s_.ow;
    if (strips_.rows > 1) return (row + strips_.rows) * s_.ow;
    return std::min((row + 1) * s_.ow, begin + strips_.pixels);
  }

  // Copies the window of output pixels [begin, end) unless it is there, or need not be copied.
  void HoldWindow(int64_t image, int64_t begin, int64_t end) {
    const HeldWindow wanted = {image, planes_.begin, planes_.end, begin, end};
    if (in_place_) {
      const int64_t plane_pixels = s_.ih * s_.iw;
      job_.in = static_cast<const std::byte*>(args_.input) + image * in_image_ +
                (planes_.begin * plane_pixels + begin) * kDotCodes;
      if (*scratch_.held == wanted) return;
      *scratch_.held = wanted;
      FillSteps({.y0 = 0, .x0 = 0, .rows = 1, .cols = plane_pixels, .row_step = 1, .col_step = 1},
                1);
      FillPixels(begin, end, begin, 0, 1);
      return;
    }
    job_.in = scratch_.copy;
    if (*scratch_.held == wanted) return;
    *scratch_.held = wanted;
    const Axis ay = AxisOf(s_.kh, s_.sh, s_.dh);
    const Axis ax = AxisOf(s_.kw, s_.sw, s_.dw);
    const int64_t y = begin / s_.ow;
    const int64_t y_last = (end - 1) / s_.ow;
    const bool one_row = y == y_last;
    const int64_t x = one_row ? begin % s_.ow : 0;
    const int64_t x_last = one_row ? (end - 1) % s_.ow : s_.ow - 1;
    Window w;
    w.y0 = y * s_.sh - s_.pad_top;
    w.x0 = x * s_.sw - s_.pad_left;
    w.cols = (x_last - x) * ax.stride + ax.span;
    w.col_step = ax.step;
    // One output row needs as many input rows as there are taps, however dilated.
    w.rows = one_row ? s_.kh : (y_last - y) * ay.stride + ay.span;
    w.row_step = one_row && s_.kh > 1 ? s_.dh : ay.step;
    CopyWindow(image, w);
    FillSteps(w, one_row ? 1 : s_.dh);
    FillPixels(begin, end, x, w.cols * ay.stride, ax.stride);
  }

  void CopyWindow(int64_t image, const Window& w) {
    const uint8_t* input = static_cast<const uint8_t*>(args_.input) + image * in_image_;
    std::byte* to = scratch_.copy;
    const int64_t left = std::clamp<int64_t>(CeilDiv(-w.x0, w.col_step), 0, w.cols);
    const int64_t end = std::clamp<int64_t>(CeilDiv(s_.iw - w.x0, w.col_step), left, w.cols);
    for (int64_t plane = planes_.begin; plane < planes_.end; ++plane) {
      for (int64_t r = 0; r < w.rows; ++r, to += w.cols * geo_.pixel_bytes) {
        const int64_t y = w.y0 + r * w.row_step;
        const bool inside = y >= 0 && y < s_.ih && left < end;
        Frame(to, inside ? left : w.cols);
        if (!inside) continue;
        Frame(to + end * geo_.pixel_bytes, w.cols - end);
        CopyPixels(input, plane, y * s_.iw + w.x0 + left * w.col_step, end - left, w.col_step,
                   to + left * geo_.pixel_bytes);
      }
    }
  }

  void Frame(std::byte* to, int64_t pixels) const {
    std::memset(to, frame_, static_cast<size_t>(pixels * geo_.pixel_bytes));
  }

  // `count` pixels of the input from number `at` on.
  void CopyPixels(const uint8_t* input, int64_t plane, int64_t at, int64_t count, int64_t step,
                  std::byte* to) const {
    const int64_t area = s_.ih * s_.iw;
    const int32_t zero = args_.input_zero_point;
    if (form_.planes) {
      if (step == 1) {
        kernels_.interleave(input + at, area, s_.ic, count, zero, to);
        return;
      }
      for (int64_t i = 0; i < count; ++i, to += geo_.pixel_bytes) {
        kernels_.interleave(input + at + i * step, area, s_.ic, 1, zero, to);
      }
      return;
    }
    const uint8_t* from = input + (plane * area + at) * kDotCodes;
    const bool is_last = plane + 1 == geo_.planes;
    const int64_t used = is_last ? RoundUpToBlock(geo_.tail_channels, kDotBlock) : kDotCodes;
    kernels_.widen(from, step, count, used, zero, to);
  }

  void FillSteps(const Window& w, int64_t tap_rows) {
    const int64_t row_bytes = w.cols * geo_.pixel_bytes;
    int64_t* steps = scratch_.step_offsets;
    for (int64_t plane = 0; plane < planes_.end - planes_.begin; ++plane) {
      for (int64_t i = 0; i < s_.kh; ++i) {
        for (int64_t j = 0; j < s_.kw; j += geo_.taps_per_step) {
          *steps++ = (plane * w.rows + i * tap_rows) * row_bytes + j * s_.dw * geo_.pixel_bytes;
        }
      }
    }
  }

  // Offsets of output pixels [begin, end) from the window, whose first column is that of output x0.
  void FillPixels(int64_t begin, int64_t end, int64_t x0, int64_t row_pixels, int64_t stride) {
    int64_t* offsets = scratch_.pixel_offsets;
    int64_t x = begin % s_.ow;
    for (int64_t row = 0; begin < end; row += row_pixels) {
      const int64_t count = std::min(s_.ow - x, end - begin);
      for (int64_t i = 0; i < count; ++i) {
        *offsets++ = (row + (x + i - x0) * stride) * geo_.pixel_bytes;
      }
      begin += count;
      x = 0;
    }
  }

  // 64 output channels of the strip that is held.
  void RunBlock(int64_t b, uint8_t* to) {
    alignas(64) std::array<int32_t, kDotCodes> bias{};
    alignas(64) std::array<float, kDotCodes> scales{};
    const int64_t channel = b * kDotCodes;
    const int64_t valid = std::min(kDotCodes, s_.oc - channel);
    const Requantisation& r = args_.epilogue.requantisation;
    job_.plain = args_.epilogue.activation == Activation::kNone;
    for (int64_t i = 0; i < valid; ++i) {
      const auto at = static_cast<size_t>(i);
      if (args_.integer_bias != nullptr) bias[at] = args_.integer_bias[channel + i];
      scales[at] = r.scales != nullptr ? r.scales[channel + i] : r.scale;
      job_.plain = job_.plain && std::isfinite(scales[at]);
      if (quads_.sums == nullptr) continue;
      bias[at] = static_cast<int32_t>(static_cast<uint32_t>(bias[at]) -
                                      static_cast<uint32_t>(quads_.sums[channel + i]) *
                                          static_cast<uint32_t>(args_.input_zero_point));
    }
    int64_t block = BlocksUntil(b);
    const int64_t end = BlocksUntil(b + 1);
    while (block < end) {
      const Range planes = DotPlanesOf(s_, geo_, block);
      // Blocks that read the same channels go together.
      const int64_t together = s_.groups == 1 ? end - block : 1;
      const DotSteps steps = DotStepsOf(geo_, planes);
      const int64_t lane = (block - BlocksUntil(b)) * kDotBlock;
      job_.step_offsets =
          scratch_.step_offsets + (planes.begin - planes_.begin) * geo_.steps_per_plane;
      job_.full_steps = steps.full;
      job_.tail_steps = steps.tail;
      job_.weights =
          static_cast<const int32_t*>(args_.packed) + DotGroupsBefore(s_, geo_, block) * kDotBlock;
      job_.bias = bias.data() + lane;
      job_.scales = scales.data() + lane;
      job_.blocks = together;
      if (quads_.sums != nullptr) {
        const bool halves = quads_.extra_begin[0] < 0;
        job_.extras = quads_.rest;
        job_.extra_begin = quads_.extra_begin + block;
        job_.rest = halves ? quads_.rest + DotGroupsBefore(s_, geo_, block) * kDotBlock : nullptr;
      }
      job_.out = to + lane;
      kernels_.product(job_);
      block += together;
    }
    if (args_.written.then != nullptr) {
      args_.written.then(args_.written.context, to, at_ + b * out_plane_, job_.pixels * kDotCodes);
    }
    ZeroCodeLanes(to, job_.pixels, valid);
  }

  const ConvShape s_;
  const DotForm form_;
  const DotKernels kernels_;
  const ConvArgs& args_;
  const DotGeometry geo_;
  const Strips strips_;
  const Units units_;
  const bool in_place_;
  const Scratch scratch_;
  const int64_t in_image_, out_plane_;
  const int frame_;        // what bytes beside the input hold
  const QuadParts quads_;  // of packed weights
  int64_t out_image_ = 0;
  int64_t at_ = 0;         // of the strip in the first plane of a dense output
  Range planes_ = {0, 0};  // of the window
  GatherDots job_;
};

}  // namespace

bool DotSupports(const ConvShape& s, const DotForm& form) {
  constexpr double kMostBytes = 64 << 20;
  const ConvShape flat = Flattened(s);
  const DotGeometry g = DotGeometryOf(flat, form);
  const auto outputs = static_cast<double>(std::min(flat.ow, kMinStripPixels));
  const double cols = outputs * flat.sw + static_cast<double>(flat.kw) * flat.dw;
  return cols * flat.kh * static_cast<double>(g.planes * g.pixel_bytes) <= kMostBytes;
}

int64_t DotUnits(const ConvShape& s) {
  const Units units = UnitsOf(s);
  return s.n * units.block_parts * units.pixel_parts;
}

int64_t DotWeightParts(const ConvShape& s) { return s.n > 1 ? 1 : UnitsOf(s).block_parts; }

size_t DotScratchBytes(const ConvShape& s, const DotForm& form) {
  const ConvShape flat = Flattened(s);
  const DotGeometry geo = DotGeometryOf(flat, form);
  const bool in_place = ReadsInPlace(flat, form);
  return static_cast<size_t>(SizesOf(geo, StripsOf(flat, geo), in_place).total());
}

void DotRun(const ConvShape& s, const DotForm& form, const DotKernels& kernels,
            const ConvArgs& args, int64_t begin_unit, int64_t end_unit, void* scratch) noexcept {
  Runner runner(s, form, kernels, args, scratch);
  const int64_t per_image = DotUnits(s) / s.n;
  while (begin_unit < end_unit) {
    const int64_t image = begin_unit / per_image;
    const int64_t end = std::min(end_unit, (image + 1) * per_image);
    runner.RunUnits(image, begin_unit - image * per_image, end - image * per_image);
    begin_unit = end;
  }
}

WorkStage CodeTraffic(const ConvShape& s, double weight_bytes) {
  const double n = static_cast<double>(s.n);
  WorkStage stage;
  stage.read_bytes = n * static_cast<double>(s.ic) * static_cast<double>(s.ih * s.iw);
  stage.write_bytes = n * static_cast<double>(s.oc) * static_cast<double>(s.oh * s.ow);
  stage.weight_bytes = weight_bytes * WeightBytes(s) / 4;
  return stage;
}

}  // namespace kinglet::kernels
