// Moving tensors: between plain and blocked, into a Concat, from pixels of three to planes. The
// baseline is memcpy of as many bytes.
#include <cstring>

#include "benchmarks/kernels/suites.h"
#include "benchmarks/kernels/variant_run.h"
#include "kernels/common/blocked.h"
#include "kernels/layout/layout.h"
#include "kernels/layout/strided.h"
#include "measure/kernels/layers.h"

namespace kinglet::benchmarks {
namespace {

// Times function(source, destination) over so many floats each.
template <typename F>
void RunMove(benchmark::State& state, int64_t from, int64_t to, F&& function) {
  const auto source = Filled(from);
  auto destination = Filled(to);
  for (auto _ : state) {
    function(source.data(), destination.data());
    benchmark::ClobberMemory();
  }
  SetCounters(state, 0, 4.0 * static_cast<double>(from + to));
}

void RegisterReorders(const std::string& prefix, const measure::Volume& v, int batch) {
  const int64_t plain = v.c * v.h * v.w;
  const int64_t blocked = kernels::BlockedCount(1, v.c, v.h, v.w);
  const kernels::Reorder reorder{batch, v.c, v.h, v.w, plain, blocked};
  const std::string name = prefix + measure::NameOf(v) + "/";
  Register(name + "to_blocked", [=](benchmark::State& state) {
    RunMove(state, batch * plain, batch * blocked, [&](const float* from, float* to) {
      kernels::GetLayoutTable().to_blocked(reorder, from, to, 0, UnitCount(reorder));
    });
  });
  Register(name + "to_plain", [=](benchmark::State& state) {
    RunMove(state, batch * blocked, batch * plain, [&](const float* from, float* to) {
      kernels::GetLayoutTable().to_plain(reorder, from, to, 0, UnitCount(reorder));
    });
  });
  Register(name + "memcpy", [=](benchmark::State& state) {
    RunMove(state, batch * blocked, batch * blocked, [&](const float* from, float* to) {
      std::memcpy(to, from, static_cast<size_t>(batch * blocked) * sizeof(float));
    });
  });
}

// All inputs of a Concat, the widest of which stands for each as the source.
void RunConcat(benchmark::State& state, const measure::ConcatLayer& layer, int batch) {
  const measure::Volume& v = layer.output;
  const int64_t pixels = v.h * v.w * kernels::kBlock;
  const int64_t out = kernels::BlockCount(v.c) * pixels;
  std::vector<kernels::ChannelCopy> copies;
  int64_t begin = 0;
  for (const int64_t c : layer.channels) {
    copies.push_back({batch, v.h, v.w, c, 0, v.c, begin, c, kernels::BlockCount(c) * pixels, out});
    begin += c;
  }
  const auto copy = kernels::GetLayoutTable().copy_channels;
  RunMove(state, batch * out, batch * out, [&](const float* from, float* to) {
    for (const kernels::ChannelCopy& c : copies) copy(c, from, to, 0, UnitCount(c));
  });
}

// {N, H, W, C} to {N, C, H, W}, as for a picture.
void RunTranspose(benchmark::State& state, const measure::Volume& v, int batch) {
  const int64_t pixels = v.h * v.w;
  const kernels::StridedView view{
      3, {batch, v.c, pixels}, {v.c * pixels, 1, v.c}, {v.c * pixels, pixels, 1}};
  const kernels::StridedCopy copy(view, sizeof(float));
  RunMove(state, batch * v.c * pixels, batch * v.c * pixels,
          [&](const float* from, float* to) { copy.Run(from, to, 0, copy.UnitCount()); });
}

}  // namespace

void RegisterLayout() {
  for (const measure::NetworkLayers& layers : measure::AllNetworkLayers()) {
    for (const int batch : kBatches) {
      const std::string prefix = "layout/" + layers.network + "/b" + std::to_string(batch) + "/";
      for (const auto* conv : {&layers.convs.front(), &layers.convs.back()}) {
        RegisterReorders(prefix, {conv->oc, conv->oh, conv->ow}, batch);
      }
      for (const measure::ConcatLayer& layer : layers.concats) {
        std::string name = measure::NameOf(layer.output) + "_of";
        for (const int64_t c : layer.channels) name += '_' + std::to_string(c);
        Register(prefix + name + "/concat",
                 [&layer, batch](benchmark::State& state) { RunConcat(state, layer, batch); });
      }
      const measure::Volume input = layers.input;
      Register(prefix + measure::NameOf(input) + "/transpose_nhwc",
               [=](benchmark::State& state) { RunTranspose(state, input, batch); });
    }
  }
}

}  // namespace kinglet::benchmarks
