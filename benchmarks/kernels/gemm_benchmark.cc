// Matrix product variants on fully connected layers and on squares.
#include <benchmark/benchmark.h>

#include <string>

#include "benchmarks/kernels/peak.h"
#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/gemm/gemm.h"

namespace kinglet::benchmarks {
namespace {

using kernels::AlignedBuffer;
using kernels::GemmShape;
using kernels::GemmVariant;

constexpr GemmShape kShapes[] = {{1, 1000, 1024}, {2, 1000, 1024},  {4, 1000, 1024},
                                 {8, 1000, 1024}, {32, 1000, 1024}, {1, 4096, 25088},
                                 {197, 768, 768}, {256, 256, 256},  {512, 512, 512}};

void RunGemm(benchmark::State& state, const GemmVariant& variant, const GemmShape& s) {
  const auto floats = [](int64_t count) { return static_cast<size_t>(count); };
  AlignedBuffer<float> a(floats(s.m * s.k));
  AlignedBuffer<float> b(floats(s.n * s.k));
  AlignedBuffer<float> c(floats(s.m * s.n));
  AlignedBuffer<float> bias(floats(kernels::RoundUpToBlock(s.n)));
  for (float& v : a) v = 0.5f;
  for (float& v : b) v = 0.25f;
  AlignedBuffer<char> packed(variant.packed_bytes(s));
  AlignedBuffer<char> scratch(variant.scratch_bytes(s));
  variant.pack(s, {b.data(), 1, s.k}, packed.data());
  kernels::GemmArgs args;
  args.a = a.data();
  args.lda = s.k;
  args.packed = packed.data();
  args.bias = bias.data();
  args.c = c.data();
  args.ldc = s.n;
  const int64_t units = variant.units(s);
  for (auto _ : state) variant.run(s, args, 0, units, scratch.data());
  const auto weights = static_cast<double>(s.n * s.k) * static_cast<double>(state.iterations());
  const double operations = 2.0 * static_cast<double>(s.m) * weights;
  state.counters["weights_GB"] = benchmark::Counter(weights * 4e-9, benchmark::Counter::kIsRate);
  state.counters["GFLOPS"] = benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsRate);
  state.counters["of_peak"] =
      benchmark::Counter(operations * 1e-9 / PeakGflops(), benchmark::Counter::kIsRate);
}

const bool kRegistered = [] {
  for (const GemmShape& s : kShapes) {
    for (const GemmVariant& variant : kernels::GemmVariants()) {
      const std::string name = std::string(variant.id) + "/" + std::to_string(s.m) + "x" +
                               std::to_string(s.n) + "x" + std::to_string(s.k);
      benchmark::RegisterBenchmark(name.c_str(), RunGemm, variant, s);
    }
  }
  return true;
}();

}  // namespace
}  // namespace kinglet::benchmarks
