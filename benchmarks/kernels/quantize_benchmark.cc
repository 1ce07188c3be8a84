// Quantisation of activations, one scale for a tensor or one for each channel, and back.
#include <cmath>

#include "benchmarks/kernels/suites.h"
#include "benchmarks/kernels/variant_run.h"
#include "kernels/quantize/quantize.h"
#include "measure/kernels/layers.h"

namespace kinglet::benchmarks {
namespace {

using kernels::Quantization;
using kernels::QuantizeFn;

struct Scales {
  explicit Scales(int64_t count)
      : scales(static_cast<size_t>(count), 0.02f), zero_points(static_cast<size_t>(count), 3) {}
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
};

// {batch, C, H * W} with a scale for each channel, or one for all.
Quantization QuantizationOf(const measure::Volume& v, int batch, const Scales& scales) {
  const bool channels = scales.scales.size() > 1;
  const int64_t pixels = v.h * v.w;
  return {channels ? batch : 1, channels ? v.c : 1, channels ? pixels : batch * v.c * pixels,
          scales.scales.data(), scales.zero_points.data()};
}

template <typename From, typename To>
void RunConversion(benchmark::State& state, const measure::Volume& v, int batch,
                   int64_t scale_count, QuantizeFn<From, To> run) {
  const Scales scales(scale_count);
  const Quantization q = QuantizationOf(v, batch, scales);
  const auto count = static_cast<size_t>(batch * v.c * v.h * v.w);
  const std::vector<From> x(count, From{1});
  std::vector<To> y(count);
  for (auto _ : state) {
    run(q, x.data(), y.data(), 0, UnitCount(q));
    benchmark::ClobberMemory();
  }
  SetCounters(state, 0, static_cast<double>(count * (sizeof(From) + sizeof(To))));
}

void RunNaive(benchmark::State& state, const measure::Volume& v, int batch) {
  RunConversion<float, uint8_t>(
      state, v, batch, 1,
      +[](const Quantization& q, const float* x, uint8_t* y, int64_t, int64_t) noexcept {
        for (int64_t i = 0; i < q.inner; ++i) {
          const float scaled = std::nearbyint(x[i] / q.scales[0]);
          const float shifted = scaled + static_cast<float>(q.zero_points[0]);
          y[i] = static_cast<uint8_t>(std::fmin(std::fmax(shifted, 0.0f), 255.0f));
        }
      });
}

void RegisterVolume(const std::string& prefix, const measure::Volume& v, int batch) {
  for (const int64_t scales : {int64_t{1}, v.c}) {
    const char* tail = scales == 1 ? "_tensor" : "_channels";
    Register(prefix + "to_uint8" + tail, [=](benchmark::State& state) {
      RunConversion(state, v, batch, scales, kernels::GetQuantizeTable().to_uint8);
    });
    Register(prefix + "to_int8" + tail, [=](benchmark::State& state) {
      RunConversion(state, v, batch, scales, kernels::GetQuantizeTable().to_int8);
    });
    Register(prefix + "from_uint8" + tail, [=](benchmark::State& state) {
      RunConversion(state, v, batch, scales, kernels::GetQuantizeTable().from_uint8);
    });
    Register(prefix + "from_int8" + tail, [=](benchmark::State& state) {
      RunConversion(state, v, batch, scales, kernels::GetQuantizeTable().from_int8);
    });
  }
  Register(prefix + "to_uint8_naive", [=](benchmark::State& state) { RunNaive(state, v, batch); });
}

}  // namespace

void RegisterQuantize() {
  for (const measure::NetworkLayers& layers : measure::AllNetworkLayers()) {
    for (const int batch : kBatches) {
      for (const auto* conv : {&layers.convs.front(), &layers.convs.back()}) {
        const measure::Volume v{conv->oc, conv->oh, conv->ow};
        RegisterVolume("quantize/" + layers.network + "/b" + std::to_string(batch) + "/" +
                           measure::NameOf(v) + "/",
                       v, batch);
      }
    }
  }
}

}  // namespace kinglet::benchmarks
