// conv/im2col_f32: plain in and out, any groups: the windows of a part of the output pixels are
// written out as the columns of a matrix, which BlasGemm multiplies with the filters. Pointwise
// convolutions without stride or padding multiply the input itself.
#include <algorithm>
#include <cstring>

#include "kernels/common/activate.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"
#include "kernels/gemm/blas.h"

namespace kinglet::kernels {
namespace {

constexpr int64_t kColumnBytes = 448 << 10;

int64_t Depth(const ConvShape& s) { return s.ic / s.groups * s.kh * s.kw; }

bool IsProduct(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.pad_top == 0 && s.pad_left == 0 &&
         s.oh == s.ih && s.ow == s.iw;
}

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

// One matrix row: what tap (i, j) of `plane` reads for the output pixels of `part`.
void FillRow(const ConvShape& s, const float* plane, int64_t i, int64_t j, const Range& part,
             float* to) {
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
    const float* row = row_inside ? plane + iy * s.iw : nullptr;
    to = std::fill_n(to, from - x, 0.0f);
    if (s.sw == 1) {
      if (until > from) {
        std::memcpy(to, row + from + offset, static_cast<size_t>(until - from) * sizeof(float));
      }
    } else {
      for (int64_t k = from; k < until; ++k) to[k - from] = row[k * s.sw + offset];
    }
    to = std::fill_n(to + (until - from), x_end - until, 0.0f);
    p += x_end - x;
  }
}

void FillMatrix(const ConvShape& s, const float* planes, const Range& part, float* matrix) {
  for (int64_t c = 0; c < s.ic / s.groups; ++c) {
    for (int64_t i = 0; i < s.kh; ++i) {
      for (int64_t j = 0; j < s.kw; ++j, matrix += part.end - part.begin) {
        FillRow(s, planes + c * s.ih * s.iw, i, j, part, matrix);
      }
    }
  }
}

void RunUnit(const ConvShape& s, const ConvArgs& args, int64_t unit, ActivateFn activate,
             float* scratch) {
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
  const bool product = IsProduct(s);
  if (!product) FillMatrix(s, planes, part, scratch);
  const auto* weights = static_cast<const float*>(args.packed) + first_channel * Depth(s);
  BlasGemm(false, false, group_oc, pixels, Depth(s), 1.0f, weights, Depth(s),
           product ? planes + part.begin : scratch, product ? plane_pixels : pixels, 1.0f, out,
           plane_pixels);
  for (int64_t o = 0; o < group_oc; ++o) {
    activate(args.epilogue, out + o * plane_pixels, static_cast<size_t>(pixels));
  }
}

void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
         void* scratch) noexcept {
  const ActivateFn activate = ResolveActivate();
  for (int64_t unit = begin; unit < end; ++unit) {
    RunUnit(s, args, unit, activate, static_cast<float*>(scratch));
  }
}

bool Supports(const ConvShape& s) {
  constexpr int64_t kMax = int64_t{1} << 30;
  return s.oc < kMax && s.oh * s.ow < kMax && Depth(s) < kMax / 16;
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(s.oc * Depth(s)) * sizeof(float);
}

// Both operands of a call are packed.
Work WorkOf(const ConvShape& s, int threads) {
  const auto rows = static_cast<double>(s.oc / s.groups);
  const auto depth = static_cast<double>(Depth(s));
  const double columns =
      static_cast<double>(s.n * s.groups) * static_cast<double>(s.oh) * static_cast<double>(s.ow);
  // Writing a column takes half as long as packing it. A value of the result takes as long as four
  // packed ones, and products narrower than this take no less.
  const double copied = IsProduct(s) ? 0.0 : 0.5;
  const double values = rows + 8 * (1 + copied);
  WorkStage stage = ConvTraffic(s);
  stage.Add({.kind = WorkKind::kBlas, .count = 2 * columns * rows * depth});
  stage.Add({.kind = WorkKind::kBlasPack, .count = columns * (depth * (1 + copied) + 4 * values)});
  return SharedWork(stage, Units(s), BlasThreads(threads));
}

}  // namespace

ConvVariant Im2colConvF32() {
  PrepareBlas();
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
            return IsProduct(s) ? 0 : static_cast<size_t>(Depth(s) * PartPixels(s)) * 4;
          },
          .run = &Run};
}

}  // namespace kinglet::kernels
