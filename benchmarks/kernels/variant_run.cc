#include "benchmarks/kernels/variant_run.h"

#include <algorithm>

#include "kernels/common/blocked.h"

namespace kinglet::benchmarks {
namespace {

int64_t FloatCount(kernels::Layout layout, int64_t n, int64_t c, int64_t h, int64_t w) {
  return layout == kernels::Layout::kPlain ? n * c * h * w : kernels::BlockedCount(n, c, h, w);
}

constexpr kernels::Epilogue kClip = {kernels::Activation::kClip, 0.0f, 6.0f};

}  // namespace

kernels::AlignedBuffer<float> Filled(int64_t count, float value) {
  kernels::AlignedBuffer<float> buffer(static_cast<size_t>(count));
  std::fill(buffer.begin(), buffer.end(), value);
  return buffer;
}

ConvRun::ConvRun(const kernels::ConvVariant& variant, const kernels::ConvShape& s)
    : variant_(variant),
      shape_(s),
      input_(Filled(FloatCount(variant.input, s.n, s.ic, s.ih, s.iw))),
      output_(Filled(FloatCount(variant.output, s.n, s.oc, s.oh, s.ow))),
      bias_(Filled(kernels::RoundUpToBlock(s.oc), 0.0f)),
      packed_(variant.packed_bytes(s)) {
  const auto weights = Filled(s.oc * (s.ic / s.groups) * s.kh * s.kw, 0.25f);
  variant.pack(s, weights.data(), packed_.data());
  args_.input = input_.data();
  args_.packed = packed_.data();
  args_.bias = bias_.data();
  args_.output = output_.data();
  args_.epilogue = kClip;
}

GemmRun::GemmRun(const kernels::GemmVariant& variant, const kernels::GemmShape& s)
    : variant_(variant),
      shape_(s),
      a_(Filled(s.m * s.k)),
      c_(Filled(s.m * s.n)),
      bias_(Filled(kernels::RoundUpToBlock(s.n), 0.0f)),
      packed_(variant.packed_bytes(s)) {
  const auto weights = Filled(s.n * s.k, 0.25f);
  variant.pack(s, {weights.data(), 1, s.k}, packed_.data());
  args_.a = a_.data();
  args_.lda = s.k;
  args_.packed = packed_.data();
  args_.bias = bias_.data();
  args_.c = c_.data();
  args_.ldc = s.n;
}

}  // namespace kinglet::benchmarks
