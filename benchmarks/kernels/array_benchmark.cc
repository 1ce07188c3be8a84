// Functions of arrays: element-wise sums and activations on the volumes of networks, the
// transcendental functions, softmax.
#include <cmath>

#include "benchmarks/kernels/suites.h"
#include "benchmarks/kernels/variant_run.h"
#include "kernels/common/blocked.h"
#include "kernels/eltwise/binary.h"
#include "kernels/eltwise/channel.h"
#include "kernels/eltwise/unary.h"
#include "kernels/math/math.h"
#include "kernels/softmax/softmax.h"
#include "measure/kernels/layers.h"

namespace kinglet::benchmarks {
namespace {

using kernels::MathTable;
using kernels::UnaryOp;

// In the level 1, 2 and 3 cache of most machines.
constexpr int64_t kLengths[] = {2'000, 50'000, 1'000'000};

struct NamedUnary {
  const char* name;
  UnaryOp op;
  float a, b;
};
constexpr NamedUnary kActivations[] = {{"relu", UnaryOp::kRelu, 0, 0},
                                       {"clip", UnaryOp::kClip, 0, 6},
                                       {"leaky_relu", UnaryOp::kLeakyRelu, 0.1f, 0},
                                       {"hard_swish", UnaryOp::kHardSwish, 0, 0},
                                       {"sigmoid", UnaryOp::kSigmoid, 0, 0},
                                       {"swish", UnaryOp::kSwish, 1, 0}};

struct NamedMath {
  const char* name;
  kernels::MathFn MathTable::*function;
  float (*naive)(float);
};
constexpr NamedMath kMath[] = {
    {"exp", &MathTable::exp, [](float x) { return std::exp(x); }},
    {"log", &MathTable::log, [](float x) { return std::log(x); }},
    {"tanh", &MathTable::tanh, [](float x) { return std::tanh(x); }},
    {"erf", &MathTable::erf, [](float x) { return std::erf(x); }},
    {"sigmoid", &MathTable::sigmoid, [](float x) { return 1 / (1 + std::exp(-x)); }},
    {"swish", &MathTable::swish, nullptr},
    {"softplus", &MathTable::softplus, nullptr},
    {"mish", &MathTable::mish, nullptr},
    {"gelu", &MathTable::gelu, nullptr},
    {"gelu_tanh", &MathTable::gelu_tanh, nullptr},
    {"elu", &MathTable::elu, nullptr},
    {"selu", &MathTable::selu, nullptr}};

// Times function(x, y, count), which reads one array and writes another.
template <typename F>
void RunArray(benchmark::State& state, int64_t count, F&& function) {
  const auto x = Filled(count);
  auto y = Filled(count);
  for (auto _ : state) {
    function(x.data(), y.data(), static_cast<size_t>(count));
    benchmark::ClobberMemory();
  }
  SetCounters(state, 0, 8.0 * static_cast<double>(count));
}

void RunSum(benchmark::State& state, int64_t count) {
  const auto a = Filled(count);
  const auto b = Filled(count);
  auto y = Filled(count);
  const auto add = kernels::GetBinary(kernels::BinaryOp::kAdd).arrays;
  for (auto _ : state) add(a.data(), b.data(), y.data(), static_cast<size_t>(count));
  SetCounters(state, 0, 12.0 * static_cast<double>(count));
}

void RunAffine(benchmark::State& state, int64_t blocks, size_t pixels) {
  const auto scale = Filled(blocks * kernels::kBlock);
  const auto affine = kernels::GetChannelTable().affine_blocked;
  const auto count = blocks * kernels::kBlock * static_cast<int64_t>(pixels);
  RunArray(state, count, [&](const float* x, float* y, size_t) {
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t at = b * kernels::kBlock * static_cast<int64_t>(pixels);
      const float* factors = scale.data() + b * kernels::kBlock;
      affine(x + at, factors, factors, y + at, pixels, {kernels::Activation::kRelu, 0, 0});
    }
  });
}

void RunSoftmax(benchmark::State& state, int64_t rows, int64_t classes) {
  const kernels::Softmax s{rows, classes, 1};
  const kernels::SoftmaxFn run = kernels::GetSoftmax();
  RunArray(state, rows * classes,
           [&](const float* x, float* y, size_t) { run(s, x, y, 0, UnitCount(s)); });
}

void RunNaiveSoftmax(benchmark::State& state, int64_t rows, int64_t classes) {
  RunArray(state, rows * classes, [&](const float* x, float* y, size_t) {
    for (int64_t row = 0; row < rows; ++row, x += classes, y += classes) {
      float largest = x[0];
      for (int64_t i = 1; i < classes; ++i) largest = std::max(largest, x[i]);
      float sum = 0;
      for (int64_t i = 0; i < classes; ++i) sum += y[i] = std::exp(x[i] - largest);
      for (int64_t i = 0; i < classes; ++i) y[i] /= sum;
    }
  });
}

void RegisterActivations(const std::string& prefix, const measure::Volume& volume, int batch) {
  const int64_t blocks = batch * kernels::BlockCount(volume.c);
  const auto pixels = static_cast<size_t>(volume.h * volume.w);
  const int64_t count = blocks * kernels::kBlock * static_cast<int64_t>(pixels);
  for (const NamedUnary& unary : kActivations) {
    Register(prefix + unary.name, [=](benchmark::State& state) {
      const kernels::UnaryFn run = kernels::GetUnary(unary.op);
      RunArray(state, count,
               [&](const float* x, float* y, size_t n) { run(x, y, n, unary.a, unary.b); });
    });
  }
  Register(prefix + "affine_relu",
           [=](benchmark::State& state) { RunAffine(state, blocks, pixels); });
}

void RegisterNetwork(const measure::NetworkLayers& layers, int batch) {
  const std::string tail = "/" + layers.network + "/b" + std::to_string(batch) + "/";
  for (const measure::Volume& v : layers.sums) {
    const int64_t count = batch * kernels::BlockedCount(1, v.c, v.h, v.w);
    Register("eltwise" + tail + measure::NameOf(v) + "/add",
             [=](benchmark::State& state) { RunSum(state, count); });
  }
  for (const auto* conv : {&layers.convs.front(), &layers.convs.back()}) {
    const measure::Volume v{conv->oc, conv->oh, conv->ow};
    RegisterActivations("eltwise" + tail + measure::NameOf(v) + "/", v, batch);
  }
  if (layers.classes == 0) return;
  const int64_t classes = layers.classes;
  const std::string softmax = "softmax" + tail + std::to_string(classes) + "/";
  Register(softmax + "rows", [=](benchmark::State& state) { RunSoftmax(state, batch, classes); });
  Register(softmax + "naive",
           [=](benchmark::State& state) { RunNaiveSoftmax(state, batch, classes); });
}

void RegisterMath() {
  for (const NamedMath& math : kMath) {
    for (const int64_t length : kLengths) {
      const std::string name =
          std::string("math/") + math.name + "/" + std::to_string(length) + "/";
      Register(name + "array", [=](benchmark::State& state) {
        const kernels::MathFn run = kernels::GetMathTable().*math.function;
        RunArray(state, length, [&](const float* x, float* y, size_t n) { run(x, y, n, 1, 1); });
      });
      if (math.naive == nullptr) continue;
      Register(name + "naive", [=](benchmark::State& state) {
        RunArray(state, length, [&](const float* x, float* y, size_t n) {
          for (size_t i = 0; i < n; ++i) y[i] = math.naive(x[i]);
        });
      });
    }
  }
}

}  // namespace

void RegisterArrays() {
  for (const measure::NetworkLayers& layers : measure::AllNetworkLayers()) {
    for (const int batch : kBatches) RegisterNetwork(layers, batch);
  }
  RegisterMath();
}

}  // namespace kinglet::benchmarks
