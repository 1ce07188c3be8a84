// conv/im2col_f32: plain in and out, any groups: the windows of a part of the output pixels are
// written out as the columns of a matrix, in the panels that the filters are multiplied with
// (kernels/gemm/panels.h).
#include <algorithm>
#include <cstring>

#include "kernels/common/activate.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"
#include "kernels/gemm/panels.h"

namespace kinglet::kernels {
namespace {

constexpr int64_t kColumnBytes = 448 << 10;

int64_t Depth(const ConvShape& s) { return s.ic / s.groups * s.kh * s.kw; }

int64_t PartCount(const ConvShape& s) {
  const int64_t pixels = s.oh * s.ow;
  const int64_t fitting = std::clamp<int64_t>(kColumnBytes / (4 * Depth(s)), 16, 1024);
  const int64_t balanced = CeilDiv(16, s.groups);  // units for the threads
  return std::max(CeilDiv(pixels, fitting), std::min(balanced, CeilDiv(pixels, 64)));
}

int64_t Units(const ConvShape& s) { return s.n * s.groups * PartCount(s); }

int64_t PartPixels(const ConvShape& s) { return CeilDiv(s.oh * s.ow, PartCount(s)); }

// Output columns [begin, end) for which tap column j reads inside the input.
Range InsideColumns(const ConvShape& s, int64_t offset) {
  const int64_t begin = CeilDiv(std::max<int64_t>(-offset, 0), s.sw);
  const int64_t end = CeilDiv(std::max<int64_t>(s.iw - offset, 0), s.sw);
  return {std::min(begin, s.ow), std::clamp(end, std::min(begin, s.ow), s.ow)};
}

// A row of the matrix, as panels have it: 16 columns side by side, `block_stride` from one sixteen
// to the next.
class MatrixRow {
 public:
  MatrixRow(float* to, int64_t block_stride) : to_(to), block_stride_(block_stride) {}

  // The next `count` columns.
  void Zeros(int64_t count) {
    ForPieces(count, [](float* to, int64_t, int64_t n) { std::fill_n(to, n, 0.0f); });
  }
  void Copy(const float* from, int64_t step, int64_t count) {
    ForPieces(count, [=](float* to, int64_t first, int64_t n) {
      if (step == 1) {
        std::memcpy(to, from + first, static_cast<size_t>(n) * sizeof(float));
      } else {
        for (int64_t k = 0; k < n; ++k) to[k] = from[(first + k) * step];
      }
    });
  }
  void Finish() { Zeros((kBlock - lane_) % kBlock); }

 private:
  template <typename F>
  void ForPieces(int64_t count, F f) {
    for (int64_t first = 0; first < count;) {
      const int64_t n = std::min(kBlock - lane_, count - first);
      f(to_ + lane_, first, n);
      first += n;
      lane_ += n;
      if (lane_ == kBlock) lane_ = 0, to_ += block_stride_;
    }
  }

  float* to_;
  int64_t block_stride_;
  int64_t lane_ = 0;
};

// What tap (i, j) of `plane` reads for the output pixels of `part`.
void FillRow(const ConvShape& s, const float* plane, int64_t i, int64_t j, const Range& part,
             MatrixRow row) {
  const int64_t offset = j * s.dw - s.pad_left;
  const Range inside = InsideColumns(s, offset);
  for (int64_t p = part.begin; p < part.end;) {
    const int64_t y = p / s.ow;
    const int64_t x = p % s.ow;
    const int64_t x_end = std::min(s.ow, x + part.end - p);
    const int64_t iy = y * s.sh - s.pad_top + i * s.dh;
    const bool row_inside = iy >= 0 && iy < s.ih;
    const int64_t from = row_inside ? std::clamp(inside.begin, x, x_end) : x_end;
    const int64_t until = row_inside ? std::clamp(inside.end, from, x_end) : x_end;
    row.Zeros(from - x);
    if (until > from) row.Copy(plane + iy * s.iw + from * s.sw + offset, s.sw, until - from);
    row.Zeros(x_end - until);
    p += x_end - x;
  }
  row.Finish();
}

// The matrix in panels of at most kPanelDepth rows.
void FillMatrix(const ConvShape& s, const float* planes, const Range& part, float* matrix) {
  const int64_t depth = Depth(s), columns = RoundUpToBlock(part.end - part.begin);
  const int64_t taps = int64_t{s.kh} * s.kw;
  for (int64_t top = 0; top < depth; top += kPanelDepth, matrix += kPanelDepth * columns) {
    const int64_t rows = std::min(kPanelDepth, depth - top);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t tap = (top + r) % taps;
      FillRow(s, planes + (top + r) / taps * s.ih * s.iw, tap / s.kw, tap % s.kw, part,
              MatrixRow(matrix + r * kBlock, rows * kBlock));
    }
  }
}

void RunUnit(const ConvShape& s, const ConvArgs& args, int64_t unit, const PanelFns& fns,
             ActivateFn activate, float* scratch) {
  const int64_t parts = PartCount(s);
  const int64_t plane_pixels = s.oh * s.ow;
  const int64_t group_oc = s.oc / s.groups;
  const int64_t image_group = unit / parts;  // image * groups + group
  const int64_t first_channel = image_group % s.groups * group_oc;
  const Range part = EvenPart(plane_pixels, parts, unit % parts);
  const int64_t pixels = part.end - part.begin;
  const float* planes =
      static_cast<const float*>(args.input) + image_group * (s.ic / s.groups) * s.ih * s.iw;
  const int64_t at = image_group * group_oc * plane_pixels + part.begin;
  float* out = static_cast<float*>(args.output) + at;
  for (int64_t o = 0; o < group_oc; ++o) {
    const float bias = args.bias ? args.bias[first_channel + o] : 0.0f;
    float* row = out + o * plane_pixels;
    if (args.residual == nullptr) {
      std::fill_n(row, pixels, bias);
    } else {
      const float* residual = static_cast<const float*>(args.residual) + at + o * plane_pixels;
      for (int64_t p = 0; p < pixels; ++p) row[p] = residual[p] + bias;
    }
  }
  FillMatrix(s, planes, part, scratch);
  const int64_t depth = Depth(s);
  const auto* weights = static_cast<const float*>(args.packed) + first_channel * depth;
  for (int64_t k = 0; k < depth;
       k += kPanelDepth, scratch += kPanelDepth * RoundUpToBlock(pixels)) {
    MultiplyPanels(fns, {weights + k, depth, 1}, group_oc, scratch,
                   std::min(kPanelDepth, depth - k), pixels, true, out, plane_pixels);
  }
  for (int64_t o = 0; o < group_oc; ++o) {
    activate(args.epilogue, out + o * plane_pixels, static_cast<size_t>(pixels));
  }
}

void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
         void* scratch) noexcept {
  const ActivateFn activate = ResolveActivate();
  const PanelFns fns;
  for (int64_t unit = begin; unit < end; ++unit) {
    RunUnit(s, args, unit, fns, activate, static_cast<float*>(scratch));
  }
}

bool Supports(const ConvShape& s) {
  constexpr int64_t kMax = int64_t{1} << 30;
  return s.oc < kMax && s.oh * s.ow < kMax && Depth(s) < kMax / 16;
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(s.oc * Depth(s)) * sizeof(float);
}

// Counted as the calls of BLAS that it was: of products of such a shape that is still about right.
Work WorkOf(const ConvShape& s, int threads) {
  const auto rows = static_cast<double>(s.oc / s.groups);
  const auto depth = static_cast<double>(Depth(s));
  const double columns =
      static_cast<double>(s.n * s.groups) * static_cast<double>(s.oh) * static_cast<double>(s.ow);
  // Writing a column takes half as long as packing it. A value of the result takes as long as four
  // packed ones, and products narrower than this take no less.
  const double values = rows + 12;
  WorkStage stage = ConvTraffic(s);
  stage.Add({.kind = WorkKind::kBlas, .count = 2 * columns * rows * depth});
  stage.Add({.kind = WorkKind::kBlasPack, .count = columns * (1.5 * depth + 4 * values)});
  return SharedWork(stage, Units(s), threads);
}

}  // namespace

ConvVariant Im2colConvF32() {
  return {.id = "conv/im2col_f32",
          .input = kPlainF32,
          .output = kPlainF32,
          .supports = &Supports,
          .work = &WorkOf,
          .packed_format = &PlainConvFormat,
          .packed_bytes = &PackedBytes,
          .pack = [](const ConvShape& s, const void* oihw,
                     void* packed) { std::memcpy(packed, oihw, PackedBytes(s)); },
          .units = &Units,
          .scratch_bytes = [](const ConvShape& s) -> size_t {
            return static_cast<size_t>(Depth(s) * RoundUpToBlock(PartPixels(s))) * 4;
          },
          .run = &Run,
          .revision = 2};
}

}  // namespace kinglet::kernels
