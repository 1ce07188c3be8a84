// Convolutions, depthwise ones among them: every variant, OpenBLAS and the naive loop included. And
// chains of convolutions.
#include "benchmarks/kernels/suites.h"
#include "benchmarks/kernels/variant_run.h"
#include "kernels/common/cpu_target.h"
#include "measure/kernels/layers.h"

namespace kinglet::benchmarks {
namespace {

void RunConv(benchmark::State& state, const kernels::ConvVariant& variant,
             const kernels::ConvShape& shape) {
  const ConvRun run(variant, shape);
  kernels::AlignedBuffer<char> scratch(run.scratch_bytes());
  const int64_t units = run.units();
  for (auto _ : state) run.Run(0, units, scratch.data());
  SetCounters(state, measure::Operations(shape), measure::TrafficBytes(shape));
}

void RegisterShape(const std::string& network, const kernels::ConvShape& shape) {
  const std::string prefix = std::string(measure::IsDepthwise(shape) ? "depthwise/" : "conv/") +
                             network + "/b" + std::to_string(shape.n) + "/" +
                             measure::NameOf(shape) + "/";
  for (const kernels::ConvVariant& variant : kernels::ConvVariants()) {
    if (!kernels::UsableFeatures().Contains(variant.needs)) continue;
    const std::string_view id = variant.id;
    const bool naive = id == "conv/reference_f32";
    if (!variant.supports(shape) || (naive && measure::Operations(shape) > kNaiveOperations))
      continue;
    Register(prefix + std::string(id.substr(id.find('/') + 1)),
             [&variant, shape](benchmark::State& state) { RunConv(state, variant, shape); });
  }
}

void RunChain(benchmark::State& state, const kernels::ConvChain& chain) {
  const ChainRun run(kernels::PlanChain(chain, 1, kernels::DefaultMachineModel()));
  kernels::AlignedBuffer<char> scratch(run.scratch_bytes());
  const int64_t units = run.units();
  for (auto _ : state) run.Run(0, units, scratch.data());
  SetCounters(state, measure::Operations(chain), measure::TrafficBytes(chain));
}

}  // namespace

void RegisterConv() {
  for (const measure::NetworkLayers& layers : measure::AllNetworkLayers()) {
    for (const int batch : kBatches) {
      for (const kernels::ConvShape& shape : layers.convs) {
        RegisterShape(layers.network, measure::WithBatch(shape, batch));
      }
      const std::string prefix = "chain/" + layers.network + "/b" + std::to_string(batch) + "/";
      for (const kernels::ConvChain& one : layers.chains) {
        const kernels::ConvChain chain = measure::WithBatch(one, batch);
        Register(prefix + measure::NameOf(chain) +
                     (chain.expands ? "/expand_dw_project_f32" : "/dw_pw_f32"),
                 [chain](benchmark::State& state) { RunChain(state, chain); });
      }
    }
  }
}

}  // namespace kinglet::benchmarks
