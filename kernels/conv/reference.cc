// conv/reference_f32: the definition, in NCHW, with sums in double.
#include <cstring>

#include "kernels/conv/conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"

namespace kinglet::kernels {
namespace {

double Sum(const ConvShape& s, const float* input, const float* weights, int64_t y, int64_t x) {
  double sum = 0.0;
  for (int64_t c = 0; c < s.ic / s.groups; ++c) {
    for (int64_t i = 0; i < s.kh; ++i) {
      const int64_t iy = y * s.sh - s.pad_top + i * s.dh;
      if (iy < 0 || iy >= s.ih) continue;
      for (int64_t j = 0; j < s.kw; ++j) {
        const int64_t ix = x * s.sw - s.pad_left + j * s.dw;
        if (ix < 0 || ix >= s.iw) continue;
        sum += double{input[(c * s.ih + iy) * s.iw + ix]} * weights[(c * s.kh + i) * s.kw + j];
      }
    }
  }
  return sum;
}

// One unit is one output plane.
void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end, void*) noexcept {
  const auto* weights = static_cast<const float*>(args.packed);
  const auto* residual = static_cast<const float*>(args.residual);
  const int64_t group_ic = s.ic / s.groups;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t image = unit / s.oc;
    const int64_t o = unit % s.oc;
    const int64_t first_channel = o / (s.oc / s.groups) * group_ic;
    const float* input =
        static_cast<const float*>(args.input) + (image * s.ic + first_channel) * s.ih * s.iw;
    for (int64_t p = 0; p < s.oh * s.ow; ++p) {
      const int64_t at = unit * s.oh * s.ow + p;
      double sum = Sum(s, input, weights + o * group_ic * s.kh * s.kw, p / s.ow, p % s.ow);
      if (args.bias) sum += args.bias[o];
      if (residual) sum += residual[at];
      StoreScalar(args.epilogue, static_cast<float>(sum), o, args.output, at);
    }
  }
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(s.oc * (s.ic / s.groups) * s.kh * s.kw) * sizeof(float);
}

}  // namespace

ConvVariant ReferenceConvF32() {
  return {.id = "conv/reference_f32",
          .input = kPlainF32,
          .output = kPlainF32,
          .supports = [](const ConvShape&) { return true; },
          .work =
              [](const ConvShape& s, int threads) {
                WorkStage stage = ConvTraffic(s);
                stage.Add({.kind = WorkKind::kReference,
                           .count = 2 * static_cast<double>(s.n) * MultiplyAdds(s)});
                return SharedWork(stage, s.n * s.oc, threads);
              },
          .packed_format = &PlainConvFormat,
          .packed_bytes = &PackedBytes,
          .pack = [](const ConvShape& s, const void* oihw,
                     void* packed) { std::memcpy(packed, oihw, PackedBytes(s)); },
          .units = [](const ConvShape& s) { return s.n * s.oc; },
          .scratch_bytes = [](const ConvShape&) -> size_t { return 0; },
          .run = &Run};
}

}  // namespace kinglet::kernels
