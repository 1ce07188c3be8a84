// Pools over windows and over whole maps, blocked and plain, and the naive loop of pool_nd.
#include "benchmarks/kernels/suites.h"
#include "benchmarks/kernels/variant_run.h"
#include "kernels/common/blocked.h"
#include "kernels/pool/pool_nd.h"
#include "measure/kernels/layers.h"

namespace kinglet::benchmarks {
namespace {

using kernels::GlobalPool;
using kernels::Pool;

void RunPool(benchmark::State& state, Pool p, bool is_max, bool blocked) {
  const int64_t channels = blocked ? kernels::RoundUpToBlock(p.c) : p.c;
  p.in_batch_stride = channels * p.in_h * p.in_w;
  p.out_batch_stride = channels * p.out_h * p.out_w;
  const auto x = Filled(p.n * p.in_batch_stride);
  auto y = Filled(p.n * p.out_batch_stride);
  const kernels::PoolTable& table = kernels::GetPoolTable();
  const kernels::PoolFn run = blocked ? (is_max ? table.max_blocked : table.average_blocked)
                                      : (is_max ? table.max_plain : table.average_plain);
  const int64_t units = blocked ? BlockedUnitCount(p) : PlainUnitCount(p);
  for (auto _ : state) run(p, x.data(), y.data(), 0, units);
  SetCounters(state, 0, 4.0 * static_cast<double>(x.size() + y.size()));
}

void RunNaive(benchmark::State& state, const Pool& p, bool is_max) {
  kernels::PoolNd nd;
  nd.kind = is_max          ? kernels::PoolNdKind::kMax
            : p.include_pad ? kernels::PoolNdKind::kAverageWithPad
                            : kernels::PoolNdKind::kAverage;
  nd.maps = p.n * p.c;
  const auto set = [](int64_t* sizes, int64_t h, int64_t w) {
    sizes[1] = h;
    sizes[2] = w;
  };
  set(nd.in, p.in_h, p.in_w);
  set(nd.out, p.out_h, p.out_w);
  set(nd.kernel, p.kernel_h, p.kernel_w);
  set(nd.stride, p.stride_h, p.stride_w);
  set(nd.dilation, p.dilation_h, p.dilation_w);
  set(nd.pad_begin, p.pad_top, p.pad_left);
  set(nd.pad_end, p.pad_bottom, p.pad_right);
  const auto x = Filled(nd.maps * p.in_h * p.in_w);
  auto y = Filled(nd.maps * p.out_h * p.out_w);
  for (auto _ : state) {
    kernels::RunPoolNd<float>(nd, x.data(), y.data(), nullptr, 0, UnitCount(nd));
  }
  SetCounters(state, 0, 4.0 * static_cast<double>(x.size() + y.size()));
}

void RunGlobal(benchmark::State& state, GlobalPool p, bool blocked) {
  const int64_t channels = blocked ? kernels::RoundUpToBlock(p.c) : p.c;
  p.in_batch_stride = channels * p.pixels;
  p.out_batch_stride = channels;
  const auto x = Filled(p.n * p.in_batch_stride);
  auto y = Filled(p.n * p.out_batch_stride);
  const kernels::PoolTable& table = kernels::GetPoolTable();
  const auto run = blocked ? table.global_average_blocked : table.global_average_plain;
  const int64_t units = blocked ? BlockedUnitCount(p) : PlainUnitCount(p);
  for (auto _ : state) run(p, x.data(), y.data(), 0, units);
  SetCounters(state, 0, 4.0 * static_cast<double>(x.size() + y.size()));
}

std::string PoolName(const measure::PoolLayer& layer) {
  const Pool& p = layer.pool;
  return measure::NameOf(measure::Volume{p.c, p.in_h, p.in_w}) + "_" +
         measure::NameOf(measure::Volume{p.c, p.out_h, p.out_w}) + "_k" +
         std::to_string(p.kernel_h) + "x" + std::to_string(p.kernel_w) + "/" +
         (layer.is_max ? "max" : "average");
}

void RegisterNetwork(const measure::NetworkLayers& layers, int batch) {
  const std::string prefix = "pool/" + layers.network + "/b" + std::to_string(batch) + "/";
  for (const measure::PoolLayer& layer : layers.pools) {
    Pool p = layer.pool;
    p.n = batch;
    const bool is_max = layer.is_max;
    for (const bool blocked : {true, false}) {
      Register(prefix + PoolName(layer) + (blocked ? "_blocked" : "_plain"),
               [=](benchmark::State& state) { RunPool(state, p, is_max, blocked); });
    }
    if (batch == 1) {
      Register(prefix + PoolName(layer) + "_naive",
               [=](benchmark::State& state) { RunNaive(state, p, is_max); });
    }
  }
  for (GlobalPool p : layers.global_pools) {
    p.n = batch;
    const std::string name = std::to_string(p.c) + "x" + std::to_string(p.pixels);
    for (const bool blocked : {true, false}) {
      Register(prefix + name + "/global_average" + (blocked ? "_blocked" : "_plain"),
               [=](benchmark::State& state) { RunGlobal(state, p, blocked); });
    }
  }
}

}  // namespace

void RegisterPool() {
  for (const measure::NetworkLayers& layers : measure::AllNetworkLayers()) {
    for (const int batch : kBatches) RegisterNetwork(layers, batch);
  }
}

}  // namespace kinglet::benchmarks
