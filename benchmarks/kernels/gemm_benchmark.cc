// Fully connected layers: every variant, OpenBLAS included, and the naive loop.
#include "benchmarks/kernels/suites.h"
#include "benchmarks/kernels/variant_run.h"
#include "kernels/common/cpu_target.h"
#include "measure/kernels/layers.h"
#include "tests/support/gemm_reference.h"

namespace kinglet::benchmarks {
namespace {

void RunGemm(benchmark::State& state, const kernels::GemmVariant& variant,
             const kernels::GemmShape& shape) {
  const GemmRun run(variant, shape);
  kernels::AlignedBuffer<char> scratch(run.scratch_bytes());
  const int64_t units = run.units();
  for (auto _ : state) run.Run(0, units, scratch.data());
  SetCounters(state, measure::Operations(shape), measure::TrafficBytes(shape));
}

void RunNaive(benchmark::State& state, const kernels::GemmShape& s) {
  const auto a = Filled(s.m * s.k);
  const auto b = Filled(s.n * s.k);
  auto c = Filled(s.m * s.n);
  for (auto _ : state) {
    for (int64_t i = 0; i < s.m * s.n; ++i) {
      const float* row = a.data() + i / s.n * s.k;
      const float* column = b.data() + i % s.n * s.k;
      c[static_cast<size_t>(i)] =
          static_cast<float>(testing::NaiveProduct(row, 1, column, 1, s.k).value);
    }
    benchmark::DoNotOptimize(c.data());
    benchmark::ClobberMemory();
  }
  SetCounters(state, measure::Operations(s), measure::TrafficBytes(s));
}

void RegisterShape(const std::string& network, const kernels::GemmShape& shape) {
  const std::string prefix =
      "gemm/" + network + "/b" + std::to_string(shape.m) + "/" + measure::NameOf(shape) + "/";
  for (const kernels::GemmVariant& variant : kernels::GemmVariants()) {
    if (!kernels::UsableFeatures().Contains(variant.needs)) continue;
    if (!variant.supports(shape)) continue;
    const std::string_view id = variant.id;
    Register(prefix + std::string(id.substr(id.find('/') + 1)),
             [&variant, shape](benchmark::State& state) { RunGemm(state, variant, shape); });
  }
  if (measure::Operations(shape) <= kNaiveOperations) {
    Register(prefix + "naive", [shape](benchmark::State& state) { RunNaive(state, shape); });
  }
}

}  // namespace

void RegisterGemm() {
  for (const measure::NetworkLayers& layers : measure::AllNetworkLayers()) {
    for (const int batch : kBatches) {
      for (const kernels::GemmShape& shape : layers.products) {
        RegisterShape(layers.network, measure::WithBatch(shape, batch));
      }
    }
  }
  for (const kernels::GemmShape& head :
       {kernels::GemmShape{1, 1, 1280}, {1, 4, 2048}, {196, 2, 256}}) {
    RegisterShape("heads", head);
  }
  for (const kernels::GemmShape& square : {kernels::GemmShape{256, 256, 256}, {1024, 1024, 1024}}) {
    RegisterShape("square", square);
  }
}

}  // namespace kinglet::benchmarks
