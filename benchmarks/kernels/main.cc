// kernel_benchmarks: every kernel family on the layers of real networks, on one thread.
#include <cstdio>

#include "benchmarks/kernels/suites.h"
#include "kernels/common/cpu.h"
#include "kernels/common/cpu_target.h"
#include "kernels/common/measure.h"
#include "kernels/gemm/blas.h"
#include "kinglet/machine.h"

namespace kinglet::benchmarks {
namespace {

void AddContext() {
  const kernels::CacheSizes& caches = kernels::ActiveCpu().caches;
  benchmark::AddCustomContext("cpu", CpuName());
  benchmark::AddCustomContext("caches_kib", std::to_string(caches.l1d_bytes >> 10) + ", " +
                                                std::to_string(caches.l2_bytes >> 10) + ", " +
                                                std::to_string(caches.l3_bytes >> 10));
  benchmark::AddCustomContext("features", kernels::ToString(kernels::UsableFeatures()));
  benchmark::AddCustomContext("target", std::string(kernels::ActiveTarget()));
  benchmark::AddCustomContext("peak_gflops", std::to_string(PeakGflops()));
  benchmark::AddCustomContext("openblas", kernels::BlasCoreName());
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (const std::string problem = EnvironmentProblem(); !problem.empty()) {
    std::fprintf(stderr, "kernel_benchmarks: %s\n", problem.c_str());
    return 2;
  }
  kernels::PrepareBlas();
  AddContext();
  RegisterConv();
  RegisterGemm();
  RegisterPool();
  RegisterArrays();
  RegisterLayout();
  RegisterNms();
  RegisterPictures();
  RegisterQuantize();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace

double PeakGflops() {
  static const double peak = kernels::MeasurePeakGflops();
  return peak;
}

void SetCounters(benchmark::State& state, double operations, double bytes) {
  using benchmark::Counter;
  const auto iterations = static_cast<double>(state.iterations());
  if (operations > 0) {
    const double gigas = operations * 1e-9 * iterations;
    state.counters["GFLOPS"] = Counter(gigas, Counter::kIsRate);
    state.counters["of_peak"] = Counter(gigas / PeakGflops(), Counter::kIsRate);
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes * iterations));
}

}  // namespace kinglet::benchmarks

int main(int argc, char** argv) { return kinglet::benchmarks::Main(argc, argv); }
