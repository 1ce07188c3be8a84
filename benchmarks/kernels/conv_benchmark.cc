// Convolutions, depthwise ones among them: every variant, OpenBLAS and the naive loop included.
#include "benchmarks/kernels/layers.h"
#include "benchmarks/kernels/suites.h"
#include "benchmarks/kernels/variant_run.h"

namespace kinglet::benchmarks {
namespace {

void RunConv(benchmark::State& state, const kernels::ConvVariant& variant,
             const kernels::ConvShape& shape) {
  const ConvRun run(variant, shape);
  kernels::AlignedBuffer<char> scratch(run.scratch_bytes());
  const int64_t units = run.units();
  for (auto _ : state) run.Run(0, units, scratch.data());
  SetCounters(state, Operations(shape), TrafficBytes(shape));
}

void RegisterShape(const std::string& network, const kernels::ConvShape& shape) {
  const std::string prefix = std::string(IsDepthwise(shape) ? "depthwise/" : "conv/") + network +
                             "/b" + std::to_string(shape.n) + "/" + NameOf(shape) + "/";
  for (const kernels::ConvVariant& variant : kernels::ConvVariants()) {
    const std::string_view id = variant.id;
    const bool naive = id == "conv/reference_f32";
    if (!variant.supports(shape) || (naive && Operations(shape) > kNaiveOperations)) continue;
    Register(prefix + std::string(id.substr(id.find('/') + 1)),
             [&variant, shape](benchmark::State& state) { RunConv(state, variant, shape); });
  }
}

}  // namespace

void RegisterConv() {
  for (const NetworkLayers& layers : AllNetworkLayers()) {
    for (const int batch : kBatches) {
      for (kernels::ConvShape shape : layers.convs) {
        shape.n = batch;
        RegisterShape(layers.network, shape);
      }
    }
  }
}

}  // namespace kinglet::benchmarks
