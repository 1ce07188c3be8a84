#include "kernels/conv/gather_conv.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/cpu.h"
#include "kernels/conv/input_window.h"
#include "kernels/conv/shape.h"
#include "kernels/gemm/gather_pairs.h"

namespace kinglet::kernels {
namespace {

// What of the input should stay in the second-level cache while the output channels pass by: half
// of it but for the weights of a pass.
int64_t StripBytes() {
  constexpr int64_t kLeast = 128 << 10;
  constexpr int64_t kWeights = 64 << 10;
  return std::max(static_cast<int64_t>(ActiveCpu().caches.l2_bytes) / 2 - kWeights, kLeast);
}
constexpr int64_t kMaxStripPixels = 512;
constexpr int64_t kMinStripPixels = 24;

// The groups of the product. Groups of the convolution that are narrower than a block share one:
// each of its outputs has zero weights for the inputs of the others.
struct Grouping {
  int64_t groups, ic, oc;  // ic and oc of each, the last one may have fewer
};

Grouping GroupingOf(const ConvShape& s) {
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  const int64_t shared = s.groups > 1 && oc < kBlock ? kBlock / oc : 1;
  return {CeilDiv(s.groups, shared), ic * shared, oc * shared};
}

// Blocks of 16 outputs in a pixel as it is stored.
int64_t BlocksOfPixel(ElementType stored) { return PixelBlock(stored) / kBlock; }

// Work units of an image: groups x parts of the output's pixel blocks x parts of its pixels.
struct Units {
  int64_t pixel_parts, block_parts, blocks_per_group;
};

Units UnitsOf(const ConvShape& s, ElementType stored) {
  const Grouping grouping = GroupingOf(s);
  const int64_t of_pixel = BlocksOfPixel(stored);
  constexpr double kMinUnitMultiplyAdds = 250e3;
  constexpr int64_t kEnoughUnits = 64;
  // A unit reads the weights of its blocks, which takes as long as the products of many pixels.
  constexpr int64_t kMinUnitPixels = 48;
  const int64_t pixels = s.oh * s.ow;
  const int64_t blocks = BlockCount(grouping.oc, PixelBlock(stored));
  const auto worthwhile = static_cast<int64_t>(
      std::min(MultiplyAdds(s) / kMinUnitMultiplyAdds, static_cast<double>(kEnoughUnits)));
  const int64_t wanted = CeilDiv(std::max<int64_t>(worthwhile, 1), grouping.groups);
  Units units{1, 1, blocks};
  units.pixel_parts = std::clamp<int64_t>(pixels / 96, 1, wanted);
  units.block_parts =
      std::clamp<int64_t>(CeilDiv(wanted, units.pixel_parts), 1, CeilDiv(blocks * of_pixel, 4));
  const auto missing = [&] { return CeilDiv(wanted, units.pixel_parts * units.block_parts); };
  units.pixel_parts = std::clamp<int64_t>(units.pixel_parts * missing(), 1,
                                          std::max(units.pixel_parts, pixels / kMinUnitPixels));
  units.block_parts = std::clamp<int64_t>(
      units.block_parts * missing(), 1, std::max(units.block_parts, CeilDiv(blocks * of_pixel, 2)));
  units.block_parts = std::min(units.block_parts, blocks);
  // An odd number of few units leaves one of two threads without work at the end.
  const bool odd = grouping.groups * units.pixel_parts * units.block_parts % 2 != 0;
  if (odd && wanted > 1 && units.block_parts < blocks) ++units.block_parts;
  return units;
}

// How a part of the output pixels is cut into strips whose input fits the cache. A strip is several
// whole rows (rows > 0), or a piece of one row, or, without padding, any neighbouring pixels.
struct Strips {
  bool padded;                   // windows are copied
  int64_t rows;                  // output rows of a strip
  int64_t pixels;                // output pixels of a strip
  int64_t copy_rows, copy_cols;  // of the zero-framed copy of one plane
};

// A step of the product reads consecutive inputs: the channels of a block at one tap, or in a plain
// plane the columns of one kernel row.
struct Geometry {
  int64_t unit, planes, group_ic, taps;
  int64_t taps_per_step;
};

Geometry GeometryOf(const ConvShape& s, GatherUnit unit) {
  const auto u = static_cast<int64_t>(unit);
  const int64_t group_ic = GroupingOf(s).ic;
  const bool whole_rows = unit == GatherUnit::kPlane && s.dw == 1;
  return {u, CeilDiv(group_ic, u), group_ic, int64_t{s.kh} * s.kw, whole_rows ? s.kw : 1};
}

Strips StripsOf(const ConvShape& s, const Geometry& geo, bool copies) {
  const int64_t pixel_bytes = geo.planes * geo.unit * static_cast<int64_t>(sizeof(float));
  const int64_t strip_bytes = StripBytes();
  Strips strips{};
  strips.padded = copies || NeedsPadding(s);
  if (!strips.padded) {
    const int64_t touched = pixel_bytes * std::min<int64_t>(s.sh, s.kh) * std::min(s.sw, s.kw);
    strips.pixels = std::clamp(strip_bytes / touched, kMinStripPixels, kMaxStripPixels);
    return strips;
  }
  const int64_t frame_rows = int64_t{s.kh - 1} * s.dh + 1;
  const int64_t frame_cols = int64_t{s.kw - 1} * s.dw + 1;
  const int64_t full_cols = (s.ow - 1) * s.sw + frame_cols;
  const int64_t fitting_rows = strip_bytes / (pixel_bytes * full_cols);
  strips.rows = 1 + std::max<int64_t>(0, (fitting_rows - frame_rows) / s.sh);
  strips.rows = std::min({strips.rows, s.oh, std::max<int64_t>(1, kMaxStripPixels / s.ow)});
  strips.pixels = strips.rows * s.ow;
  strips.copy_rows = strips.rows == 1 ? s.kh : (strips.rows - 1) * s.sh + frame_rows;
  strips.copy_cols = full_cols;
  if (strips.rows == 1 && s.ow > kMinStripPixels) {
    const int64_t fitting_cols = strip_bytes / (pixel_bytes * s.kh);
    const int64_t segment = 1 + (fitting_cols - frame_cols) / s.sw;
    strips.pixels = std::clamp(segment, kMinStripPixels, s.ow);
    strips.copy_cols = (strips.pixels - 1) * s.sw + frame_cols;
  }
  return strips;
}

// A window in scratch: output pixels [begin, end) of an image and group. Units that differ in their
// output blocks alone share it.
struct HeldWindow {
  int64_t image, group, begin, end;
  bool operator==(const HeldWindow&) const = default;
};

// Where a worker's scratch keeps its parts.
struct Scratch {
  HeldWindow* held;
  int64_t* step_offsets;
  int64_t* pixel_offsets;
  float* copy;
};

constexpr int64_t kHeldBytes = RoundUpToLine(static_cast<int64_t>(sizeof(HeldWindow)));
int64_t StepBytes(const Geometry& geo) { return RoundUpToLine(geo.planes * geo.taps * 8); }
int64_t PixelBytes(const Strips& strips) { return RoundUpToLine(strips.pixels * 8); }

Scratch Divide(void* scratch, const Geometry& geo, const Strips& strips) {
  auto* held = static_cast<char*>(scratch);
  char* steps = held + kHeldBytes;
  char* pixels = steps + StepBytes(geo);
  return {reinterpret_cast<HeldWindow*>(held), reinterpret_cast<int64_t*>(steps),
          reinterpret_cast<int64_t*>(pixels),
          reinterpret_cast<float*>(pixels + PixelBytes(strips))};
}

void CopyWindow(const ConvShape& s, const Geometry& geo, const float* input, const InputWindow& w,
                int64_t planes, float* copy) {
  const WindowColumns columns = ColumnsOf(s, w);
  const int64_t u = geo.unit;
  const auto bytes = [u](int64_t pixels) {
    return static_cast<size_t>(pixels * u) * sizeof(float);
  };
  for (int64_t plane = 0; plane < planes; ++plane) {
    const float* from = input + plane * s.ih * s.iw * u;
    for (int64_t r = 0; r < w.rows; ++r, copy += w.cols * u) {
      const int64_t y = w.y0 + r * w.row_step;
      if (y < 0 || y >= s.ih) {
        std::memset(copy, 0, bytes(w.cols));
        continue;
      }
      std::memset(copy, 0, bytes(columns.left));
      if (columns.valid > 0) {
        std::memcpy(copy + columns.left * u, from + (y * s.iw + w.x0 + columns.left) * u,
                    bytes(columns.valid));
      }
      std::memset(copy + (columns.left + columns.valid) * u, 0, bytes(columns.right));
    }
  }
}

void FillSteps(const ConvShape& s, const Geometry& geo, int64_t plane_stride, int64_t row_stride,
               int64_t tap_rows, int64_t* steps) {
  for (int64_t plane = 0; plane < geo.planes; ++plane) {
    for (int64_t i = 0; i < s.kh; ++i) {
      for (int64_t j = 0; j < s.kw; j += geo.taps_per_step) {
        *steps++ = plane * plane_stride + i * tap_rows * row_stride + j * s.dw * geo.unit;
      }
    }
  }
}

// Offsets of output pixels [begin, end) from the window of the first pixel's row and of column x0.
void FillPixels(const ConvShape& s, int64_t begin, int64_t end, int64_t x0, int64_t row_stride,
                int64_t unit, int64_t* offsets) {
  const int64_t step = s.sw * unit;
  int64_t x = begin % s.ow;
  for (int64_t row = -x0 * step; begin < end; row += s.sh * row_stride) {
    const int64_t count = std::min(s.ow - x, end - begin);
    for (int64_t i = 0; i < count; ++i) offsets[i] = row + (x + i) * step;
    offsets += count;
    begin += count;
    x = 0;
  }
}

class Runner {
 public:
  Runner(const ConvShape& s, GatherUnit unit, GatherGemmFn gemm, const ConvArgs& args,
         void* scratch, const WindowSource& source)
      : s_(s),
        grouping_(GroupingOf(s)),
        geo_(GeometryOf(s, unit)),
        strips_(StripsOf(s, geo_, source.copy != nullptr)),
        stored_(args.epilogue.type),
        units_(UnitsOf(s, stored_)),
        scratch_(Divide(scratch, geo_, strips_)),
        gemm_(gemm),
        args_(args),
        source_(source) {
    if (!args.again) *scratch_.held = {-1, -1, -1, -1};
    const int64_t tail = geo_.group_ic % geo_.unit;
    job_.full_steps = FullPlanes() * geo_.taps;
    job_.tail_channels = (tail == 0 ? geo_.unit : tail) * geo_.taps_per_step;
    if (GatherHalves(s)) job_.first_half_steps = s.ic / s.groups * geo_.taps / geo_.taps_per_step;
    job_.step_offsets = scratch_.step_offsets;
    job_.pixel_offsets = scratch_.pixel_offsets;
    const int64_t pixel = PixelBlock(stored_);
    job_.out_pixel_stride = pixel;
    job_.out_block_stride = s.oh * s.ow * pixel;
    dense_image_ = BlockCount(s.oc, pixel) * s.oh * s.ow * kPixelBytes;
    out_image_ =
        args.output_stride != 0 ? args.output_stride * ElementBytes(stored_) : dense_image_;
    job_.epilogue = args.epilogue;
    if (!strips_.padded) {
      FillSteps(s_, geo_, s_.ih * s_.iw * geo_.unit, s_.iw * geo_.unit, s_.dh,
                scratch_.step_offsets);
    }
  }

  // Units [begin, end) of one image.
  void RunUnits(int64_t image, int64_t begin, int64_t end) {
    const int64_t per_group = units_.pixel_parts * units_.block_parts;
    while (begin < end) {
      const int64_t group = begin / per_group;
      const int64_t first = begin - group * per_group;
      const int64_t last = std::min(end - group * per_group, per_group);
      const int64_t block_part = first / units_.pixel_parts;
      const int64_t pixel_part = first % units_.pixel_parts;
      int64_t taken;
      // Whole parts of the blocks share their pixels.
      if (pixel_part == 0 && last - first >= units_.pixel_parts) {
        const int64_t whole = (last - first) / units_.pixel_parts;
        RunParts(image, group, {block_part, block_part + whole}, {0, units_.pixel_parts});
        taken = whole * units_.pixel_parts;
      } else {
        taken = std::min(units_.pixel_parts - pixel_part, last - first);
        RunParts(image, group, {block_part, block_part + 1}, {pixel_part, pixel_part + taken});
      }
      begin += taken;
    }
  }

 private:
  void RunParts(int64_t image, int64_t group, const Range& block_parts, const Range& pixel_parts) {
    const int64_t blocks = units_.blocks_per_group;
    const int64_t block = EvenPart(blocks, units_.block_parts, block_parts.begin).begin;
    const int64_t block_end = EvenPart(blocks, units_.block_parts, block_parts.end - 1).end;
    const int64_t pixels = s_.oh * s_.ow;
    int64_t begin = EvenPart(pixels, units_.pixel_parts, pixel_parts.begin).begin;
    const int64_t end = EvenPart(pixels, units_.pixel_parts, pixel_parts.end - 1).end;
    const int64_t in_planes = geo_.unit == 16 ? s_.groups * geo_.planes : s_.ic;
    planes_ = std::min(geo_.planes, in_planes - group * geo_.planes);
    image_ = image;
    group_ = group;
    if (source_.copy == nullptr)
      input_ = static_cast<const float*>(args_.input) +
               (image * in_planes + group * geo_.planes) * s_.ih * s_.iw * geo_.unit;
    const int64_t absolute = group * blocks + block;
    const int64_t of_pixel = BlocksOfPixel(stored_);
    const int64_t floats_per_block = geo_.group_ic * geo_.taps * kBlock;
    job_.weights = static_cast<const float*>(args_.packed) + absolute * of_pixel * floats_per_block;
    job_.bias = args_.bias ? args_.bias + absolute * of_pixel * kBlock : nullptr;
    job_.tail_steps = (planes_ - FullPlanes()) * geo_.taps / geo_.taps_per_step;
    job_.blocks = std::min(block_end * of_pixel, BlockCount(grouping_.oc)) - block * of_pixel;
    const int64_t rest = std::min(grouping_.oc, s_.oc - group * grouping_.oc) % kBlock;
    job_.last_lanes = block_end == blocks && rest != 0 ? rest : kBlock;
    const int64_t in_image = absolute * pixels * kPixelBytes;
    output_ = static_cast<char*>(args_.output) + image * out_image_ + in_image;
    residual_ = args_.residual == nullptr
                    ? nullptr
                    : static_cast<const char*>(args_.residual) + image * dense_image_ + in_image;
    while (begin < end) {
      const int64_t strip_end = std::min(end, StripEnd(begin));
      RunStrip(begin, strip_end);
      begin = strip_end;
    }
  }

  int64_t StripEnd(int64_t begin) const {
    if (!strips_.padded) return begin + strips_.pixels;
    const int64_t row = begin / s_.ow;
    return strips_.rows > 1 ? (row + strips_.rows) * s_.ow
                            : std::min((row + 1) * s_.ow, begin + strips_.pixels);
  }

  // Copies the window of output pixels [begin, end).
  void HoldWindow(int64_t begin, int64_t end) {
    const int64_t y = begin / s_.ow;
    const int64_t y_last = (end - 1) / s_.ow;
    const int64_t x = y == y_last ? begin % s_.ow : 0;
    const int64_t x_last = y == y_last ? (end - 1) % s_.ow : s_.ow - 1;
    InputWindow w;
    w.y0 = y * s_.sh - s_.pad_top;
    w.x0 = x * s_.sw - s_.pad_left;
    w.cols = (x_last - x) * s_.sw + int64_t{s_.kw - 1} * s_.dw + 1;
    // One output row needs as many input rows as there are taps, however dilated.
    w.row_step = y == y_last ? s_.dh : 1;
    w.rows = y == y_last ? s_.kh : (y_last - y) * s_.sh + int64_t{s_.kh - 1} * s_.dh + 1;
    if (source_.copy != nullptr) {
      source_.copy(source_.source, image_, w, scratch_.copy);
    } else {
      CopyWindow(s_, geo_, input_, w, planes_, scratch_.copy);
    }
    const int64_t row_stride = w.cols * geo_.unit;
    FillSteps(s_, geo_, w.rows * row_stride, row_stride, y == y_last ? 1 : s_.dh,
              scratch_.step_offsets);
    FillPixels(s_, begin, end, x, row_stride, geo_.unit, scratch_.pixel_offsets);
  }

  void RunStrip(int64_t begin, int64_t end) {
    if (strips_.padded) {
      const HeldWindow wanted = {image_, group_, begin, end};
      if (*scratch_.held != wanted) HoldWindow(begin, end);
      *scratch_.held = wanted;
      job_.in = scratch_.copy;
    } else {
      const int64_t y = begin / s_.ow;
      const int64_t row_stride = s_.iw * geo_.unit;
      job_.in = input_ + (y * s_.sh - s_.pad_top) * row_stride - s_.pad_left * geo_.unit;
      FillPixels(s_, begin, end, 0, row_stride, geo_.unit, scratch_.pixel_offsets);
    }
    job_.pixels = end - begin;
    job_.out = reinterpret_cast<float*>(output_ + begin * kPixelBytes);
    job_.residual =
        residual_ ? reinterpret_cast<const float*>(residual_ + begin * kPixelBytes) : nullptr;
    gemm_(job_);
  }

  int64_t FullPlanes() const { return geo_.unit == 16 ? geo_.group_ic / 16 : 0; }

  const ConvShape& s_;
  const Grouping grouping_;
  const Geometry geo_;
  const Strips strips_;
  const ElementType stored_;  // in the output
  const Units units_;
  const Scratch scratch_;
  const GatherGemmFn gemm_;
  const ConvArgs& args_;
  const WindowSource& source_;
  int64_t out_image_, dense_image_;  // bytes of an image, of the output and of the residual
  int64_t image_ = 0;
  int64_t group_ = 0;
  const float* input_ = nullptr;  // of the group
  int64_t planes_ = 0;            // that the group reads
  char* output_ = nullptr;        // of the image, from the unit's first block on
  const char* residual_ = nullptr;
  GatherGemm job_;
};

// Calls weight(o, i, tap) for each that is packed, in order, outputs and inputs counted over all
// groups, and zero() in its place where there is no such output.
template <typename Weight, typename Zero>
void ForEachWeight(const ConvShape& s, GatherUnit unit, Weight&& weight, Zero&& zero) {
  const Geometry geo = GeometryOf(s, unit);
  const Grouping g = GroupingOf(s);
  for (int64_t group = 0; group < g.groups; ++group) {
    for (int64_t block = 0; block < BlockCount(g.oc); ++block) {
      for (int64_t plane = 0; plane < geo.planes; ++plane) {
        const int64_t channels = std::min(geo.unit, g.ic - plane * geo.unit);
        for (int64_t tap = 0; tap < geo.taps; ++tap) {
          for (int64_t c = 0; c < channels; ++c) {
            const int64_t i = group * g.ic + plane * geo.unit + c;
            for (int64_t lane = 0; lane < kBlock; ++lane) {
              const int64_t o = block * kBlock + lane;
              if (o < g.oc) {
                weight(group * g.oc + o, i, tap);
              } else {
                zero();
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace

ConvShape PairsShape(ConvShape s) {
  s.ic = CeilDiv(s.ic / s.groups, 2) * s.groups;
  return s;
}

bool GatherHalves(const ConvShape& s) { return s.groups > 1 && s.oc / s.groups * 2 == kBlock; }

size_t GatherPackedBytes(const ConvShape& s) {
  const Grouping g = GroupingOf(s);
  return static_cast<size_t>(g.groups * RoundUpToBlock(g.oc) * g.ic * s.kh * s.kw) * sizeof(float);
}

double GatherMultiplyAdds(const ConvShape& s) {
  if (GatherHalves(s)) return MultiplyAdds(s);
  return static_cast<double>(GatherPackedBytes(s) / sizeof(float)) *
         static_cast<double>(s.oh * s.ow);
}

int64_t GatherDepth(const ConvShape& s) {
  return (GatherHalves(s) ? s.ic / s.groups : GroupingOf(s).ic) * s.kh * s.kw;
}

void GatherPack(const ConvShape& s, GatherUnit unit, const float* oihw, float* packed) {
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  const int64_t taps = int64_t{s.kh} * s.kw;
  ForEachWeight(
      s, unit,
      [&](int64_t o, int64_t i, int64_t tap) {
        const bool there = s.groups == 1 || (o < s.oc && o / oc == i / ic);
        *packed++ = there ? oihw[(o * ic + i % ic) * taps + tap] : 0.0f;
      },
      [&] { *packed++ = 0.0f; });
}

void GatherPackPairs(const ConvShape& s, const float* oihw, float* packed) {
  const int64_t ic = s.ic / s.groups;
  const int64_t taps = int64_t{s.kh} * s.kw;
  const ConvShape pairs = PairsShape(s);
  const int64_t group_pairs = pairs.ic / s.groups;
  ForEachWeight(
      pairs, GatherUnit::kBlock16,
      [&](int64_t o, int64_t i, int64_t tap) {
        const int64_t c = i % group_pairs * 2;
        const float* weight = oihw + (o * ic + c) * taps + tap;
        *packed++ = PairOf(ToBFloat16(weight[0]), ToBFloat16(c + 1 < ic ? weight[taps] : 0.0f));
      },
      [&] { *packed++ = 0.0f; });
}

int64_t GatherWeightParts(const ConvShape& s, ElementType stored) {
  return s.n > 1 ? 1 : GroupingOf(s).groups * UnitsOf(s, stored).block_parts;
}

int64_t GatherUnits(const ConvShape& s, ElementType stored) {
  const Units units = UnitsOf(s, stored);
  return s.n * GroupingOf(s).groups * units.pixel_parts * units.block_parts;
}

int64_t GatherUnits(const ConvShape& s) { return GatherUnits(s, ElementType::kFloat32); }

size_t GatherScratchBytes(const ConvShape& s, GatherUnit unit, bool copies) {
  const Geometry geo = GeometryOf(s, unit);
  const Strips strips = StripsOf(s, geo, copies);
  // A strip that lies within one row is copied with the rows of its taps alone, side by side.
  const int64_t rows = std::max<int64_t>(strips.copy_rows, strips.padded ? s.kh : 0);
  const int64_t copy = geo.planes * geo.unit * rows * strips.copy_cols * 4;
  return static_cast<size_t>(kHeldBytes + StepBytes(geo) + PixelBytes(strips) + copy);
}

void GatherRun(const ConvShape& s, GatherUnit unit, GatherGemmFn gemm, const ConvArgs& args,
               int64_t begin_unit, int64_t end_unit, void* scratch,
               const WindowSource& source) noexcept {
  Runner runner(s, unit, gemm, args, scratch, source);
  const int64_t per_image = GatherUnits(s, args.epilogue.type) / s.n;
  while (begin_unit < end_unit) {
    const int64_t image = begin_unit / per_image;
    const int64_t end = std::min(end_unit, (image + 1) * per_image);
    runner.RunUnits(image, begin_unit - image * per_image, end - image * per_image);
    begin_unit = end;
  }
}

}  // namespace kinglet::kernels
