// Convolution variants on layers of MobileNet, Inception, ResNet and VGG.
#include <benchmark/benchmark.h>

#include <string>

#include "benchmarks/kernels/peak.h"
#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"

namespace kinglet::benchmarks {
namespace {

using kernels::AlignedBuffer;
using kernels::ConvShape;
using kernels::ConvVariant;

struct Layer {
  int64_t ic, size, oc;
  int kh, kw, stride;
  bool depthwise = false;
  int64_t n = 1;
};

constexpr Layer kLayers[] = {
    // MobileNet V1 pointwise
    {32, 112, 64, 1, 1, 1},
    {64, 56, 128, 1, 1, 1},
    {128, 56, 128, 1, 1, 1},
    {128, 28, 256, 1, 1, 1},
    {256, 28, 256, 1, 1, 1},
    {256, 14, 512, 1, 1, 1},
    {512, 14, 512, 1, 1, 1},
    {512, 7, 1024, 1, 1, 1},
    {1024, 7, 1024, 1, 1, 1},
    // MobileNet V2 pointwise
    {16, 112, 96, 1, 1, 1},
    {96, 56, 24, 1, 1, 1},
    {24, 56, 144, 1, 1, 1},
    {960, 7, 160, 1, 1, 1},
    // ResNet downsampling
    {256, 56, 512, 1, 1, 2},
    // first layers
    {3, 224, 32, 3, 3, 2},
    {3, 224, 64, 7, 7, 2},
    // k x k
    {64, 56, 64, 3, 3, 1},
    {128, 28, 128, 3, 3, 1},
    {256, 14, 256, 3, 3, 1},
    {512, 7, 512, 3, 3, 1},
    {64, 35, 96, 3, 3, 1},
    {288, 35, 384, 3, 3, 2},
    {128, 17, 192, 1, 7, 1},
    {192, 17, 192, 7, 1, 1},
    {48, 35, 64, 5, 5, 1},
    {512, 28, 512, 3, 3, 1},
    // depthwise
    {32, 112, 32, 3, 3, 1, true},
    {64, 112, 64, 3, 3, 2, true},
    {128, 56, 128, 3, 3, 1, true},
    {512, 14, 512, 3, 3, 1, true},
    {1024, 7, 1024, 3, 3, 1, true},
    {240, 14, 240, 5, 5, 1, true},
};

ConvShape ShapeOf(const Layer& layer) {
  ConvShape s;
  s.n = layer.n;
  s.ic = layer.ic;
  s.ih = s.iw = layer.size;
  s.oc = layer.oc;
  s.kh = layer.kh;
  s.kw = layer.kw;
  s.sh = s.sw = layer.stride;
  s.pad_top = layer.kh / 2;
  s.pad_left = layer.kw / 2;
  s.oh = s.ow = (layer.size - 1) / layer.stride + 1;
  s.groups = layer.depthwise ? layer.ic : 1;
  return s;
}

std::string NameOf(const ConvVariant& variant, const Layer& layer) {
  return std::string(variant.id) + "/" + std::to_string(layer.ic) + "x" +
         std::to_string(layer.size) + "_" + std::to_string(layer.oc) + "_k" +
         std::to_string(layer.kh) + "x" + std::to_string(layer.kw) + "_s" +
         std::to_string(layer.stride);
}

int64_t TensorFloats(kernels::Layout layout, int64_t n, int64_t c, int64_t h, int64_t w) {
  return layout == kernels::Layout::kPlain ? n * c * h * w : kernels::BlockedCount(n, c, h, w);
}

void RunConv(benchmark::State& state, const ConvVariant& variant, const ConvShape& s) {
  const auto floats = [](int64_t count) { return static_cast<size_t>(count); };
  AlignedBuffer<float> input(floats(TensorFloats(variant.input, s.n, s.ic, s.ih, s.iw)));
  AlignedBuffer<float> output(floats(TensorFloats(variant.output, s.n, s.oc, s.oh, s.ow)));
  AlignedBuffer<float> weights(floats(s.oc * (s.ic / s.groups) * s.kh * s.kw));
  AlignedBuffer<float> bias(floats(kernels::RoundUpToBlock(s.oc)));
  for (float& v : input) v = 0.5f;
  for (float& v : weights) v = 0.25f;
  AlignedBuffer<char> packed(variant.packed_bytes(s));
  AlignedBuffer<char> scratch(variant.scratch_bytes(s));
  variant.pack(s, weights.data(), packed.data());
  kernels::ConvArgs args;
  args.input = input.data();
  args.packed = packed.data();
  args.bias = bias.data();
  args.output = output.data();
  args.epilogue = {kernels::Activation::kClip, 0.0f, 6.0f};
  const int64_t units = variant.units(s);
  for (auto _ : state) variant.run(s, args, 0, units, scratch.data());
  const double operations = 2.0 * static_cast<double>(s.n * s.oc * s.oh * s.ow) *
                            static_cast<double>(s.ic / s.groups) * s.kh * s.kw *
                            static_cast<double>(state.iterations());
  state.counters["GFLOPS"] = benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsRate);
  state.counters["of_peak"] =
      benchmark::Counter(operations * 1e-9 / PeakGflops(), benchmark::Counter::kIsRate);
}

const bool kRegistered = [] {
  PeakGflops();
  for (const Layer& layer : kLayers) {
    const ConvShape s = ShapeOf(layer);
    for (const ConvVariant& variant : kernels::ConvVariants()) {
      if (!variant.supports(s) || variant.id == std::string_view("conv/reference_f32")) continue;
      benchmark::RegisterBenchmark(NameOf(variant, layer).c_str(), RunConv, variant, s);
    }
  }
  return true;
}();

}  // namespace
}  // namespace kinglet::benchmarks
