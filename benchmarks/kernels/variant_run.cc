#include "benchmarks/kernels/variant_run.h"

#include <algorithm>
#include <vector>

#include "kernels/common/blocked.h"

namespace kinglet::benchmarks {
namespace {

constexpr kernels::Epilogue kClip = {kernels::Activation::kClip, 0.0f, 6.0f};

// The clamp of codes is part of every requantisation.
kernels::Epilogue EpilogueOf(kernels::ElementType type) {
  if (type != kernels::ElementType::kUInt8) {
    kernels::Epilogue clip = kClip;
    clip.type = type;
    return clip;
  }
  return {.type = type, .requantisation = {.scale = 0.001f, .zero_point = 3, .low = 3}};
}

// Floats that hold a stored tensor of n * c * h * w elements.
int64_t FloatsOf(kernels::TensorDesc desc, int64_t n, int64_t c, int64_t h, int64_t w) {
  const int64_t bytes = kernels::StoredCount(desc, n, c, h, w) * kernels::ElementBytes(desc.type);
  return (bytes + 3) / 4;
}

kernels::AlignedBuffer<char> Packed(const kernels::ConvVariant& variant,
                                    const kernels::ConvShape& s) {
  kernels::AlignedBuffer<char> packed(variant.packed_bytes(s));
  const int64_t count = s.oc * (s.ic / s.groups) * s.kh * s.kw;
  if (variant.weights == kernels::ElementType::kInt16) {
    variant.pack(s, std::vector<int16_t>(static_cast<size_t>(count), 25).data(), packed.data());
  } else {
    variant.pack(s, Filled(count, 0.25f).data(), packed.data());
  }
  return packed;
}

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
      input_(Filled(input != nullptr ? 0 : FloatsOf(variant.input, s.n, s.ic, s.ih, s.iw))),
      output_(Filled(FloatsOf(variant.output, s.n, s.oc, s.oh, s.ow))),
      bias_(Filled(kernels::RoundUpToBlock(s.oc), 0.0f)),
      packed_(Packed(variant, s)) {
  args_.input = input != nullptr ? input : input_.data();
  args_.packed = packed_.data();
  args_.bias = bias_.data();
  args_.output = output_.data();
  args_.input_zero_point = 128;
  args_.epilogue = EpilogueOf(variant.output.type);
}

ChainRun::ChainRun(const kernels::ChainPlan& plan) : plan_(plan) {
  const kernels::ConvChain& chain = plan.chain;
  const auto pack = [](const char* id, const kernels::ConvShape& s) {
    return Packed(*kernels::FindConvVariant(id), s);
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
