#include "benchmarks/kernels/variant_run.h"

#include <algorithm>

#include "kernels/common/blocked.h"

namespace kinglet::benchmarks {
namespace {

constexpr kernels::Epilogue kClip = {kernels::Activation::kClip, 0.0f, 6.0f};

}  // namespace

kernels::AlignedBuffer<float> Filled(int64_t count, float value) {
  kernels::AlignedBuffer<float> buffer(static_cast<size_t>(count));
  std::fill(buffer.begin(), buffer.end(), value);
  return buffer;
}

ConvRun::ConvRun(const kernels::ConvVariant& variant, const kernels::ConvShape& s,
                 const float* input)
    : variant_(variant),
      shape_(s),
      input_(Filled(input != nullptr ? 0
                                     : kernels::StoredCount(variant.input, s.n, s.ic, s.ih, s.iw))),
      output_(Filled(kernels::StoredCount(variant.output, s.n, s.oc, s.oh, s.ow))),
      bias_(Filled(kernels::RoundUpToBlock(s.oc), 0.0f)),
      packed_(variant.packed_bytes(s)) {
  const auto weights = Filled(s.oc * (s.ic / s.groups) * s.kh * s.kw, 0.25f);
  variant.pack(s, weights.data(), packed_.data());
  args_.input = input != nullptr ? input : input_.data();
  args_.packed = packed_.data();
  args_.bias = bias_.data();
  args_.output = output_.data();
  args_.epilogue = kClip;
}

ChainRun::ChainRun(const kernels::ChainPlan& plan) : plan_(plan) {
  const kernels::ConvChain& chain = plan.chain;
  const auto pack = [](const char* id, const kernels::ConvShape& s) {
    const kernels::ConvVariant& variant = *kernels::FindConvVariant(id);
    const auto weights = Filled(s.oc * (s.ic / s.groups) * s.kh * s.kw, 0.25f);
    kernels::AlignedBuffer<char> packed(variant.packed_bytes(s));
    variant.pack(s, weights.data(), packed.data());
    return packed;
  };
  const kernels::ConvShape& first = chain.expands ? chain.expand : chain.depthwise;
  const kernels::ConvShape& last = chain.project;
  if (chain.expands) packed_[0] = pack("conv/direct_f32", chain.expand);
  packed_[1] = pack("conv/depthwise_f32", chain.depthwise);
  packed_[2] = pack("conv/direct_f32", chain.project);
  input_ = Filled(kernels::BlockedCount(first.n, first.ic, first.ih, first.iw));
  output_ = Filled(kernels::BlockedCount(last.n, last.oc, last.oh, last.ow));
  args_.input = input_.data();
  args_.expand = {packed_[0].data(), nullptr, kClip};
  args_.depthwise = {packed_[1].data(), nullptr, kClip};
  args_.project = {packed_[2].data(), nullptr, kClip};
  args_.output = output_.data();
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
