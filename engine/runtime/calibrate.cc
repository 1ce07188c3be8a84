#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/cost/files.h"
#include "engine/runtime/workers.h"
#include "kernels/common/cpu_target.h"
#include "kernels/common/measure.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"
#include "kinglet/model.h"
#include "kinglet/tuning.h"

namespace kinglet {
namespace {

using kernels::WorkKind;

Tensor MakeFloats(std::size_t bytes) {
  Tensor tensor(DataType::kFloat32, {static_cast<std::int64_t>(bytes / sizeof(float)) + 16});
  std::fill_n(tensor.data<float>(), tensor.size(), 0.5f);
  return tensor;
}

// Bytes per second, in 1e9, read and written, of `threads` threads that copy `bytes` together.
double CopyGbps(std::size_t bytes, int threads, double seconds) {
  std::vector<Tensor> parts;
  for (int i = 0; i < threads; ++i) {
    parts.push_back(MakeFloats(bytes / static_cast<std::size_t>(threads)));
  }
  std::atomic<double> sum = 0;
  Crew crew(threads, false);
  RunOn(crew, [&](int worker) {
    Tensor& part = parts[static_cast<std::size_t>(worker)];
    sum += kernels::MeasureCopyGbps(part.data<float>(), static_cast<std::size_t>(part.size()),
                                    seconds);
  });
  return sum;
}

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Seconds to read a value of each line, `pause` seconds after the same was done before: the median
// of some rounds.
double RereadSeconds(const Tensor& data, double pause) {
  constexpr int kRounds = 7;
  std::vector<double> times;
  volatile float sink = 0;
  for (int round = 0; round <= kRounds; ++round) {
    const Clock::time_point start = Clock::now();
    float sum = 0;
    for (std::int64_t i = 0; i < data.size(); i += 16) sum += data.data<float>()[i];
    times.push_back(SecondsSince(start));
    sink = sum;
    for (const Clock::time_point wait = Clock::now(); SecondsSince(wait) < pause;) {
    }
  }
  static_cast<void>(sink);
  std::nth_element(times.begin() + 1, times.begin() + 1 + kRounds / 2, times.end());
  return times[1 + kRounds / 2];
}

// A virtual machine may be told of a cache of which it has a small part.
constexpr std::size_t kSurelyInL3 = std::size_t{16} << 20;

// How much of the shared cache is ours: what is read again after the time of a few steps as fast as
// at once. Neighbours on the same cache, which a virtual machine does not see, take the rest.
double KeptL3Bytes(const kernels::CacheSizes& caches) {
  constexpr double kPause = 3e-3;
  constexpr double kSlower = 1.6;
  const std::size_t first = std::min(caches.l3_bytes / 8, kSurelyInL3);
  std::size_t kept = std::max(first / 2, caches.l2_bytes);
  double at_once = 0;  // seconds for a byte; what does not fit would not be faster at once
  for (std::size_t bytes = first; bytes <= caches.l3_bytes; bytes *= 2) {
    const Tensor data = MakeFloats(bytes);
    const auto size = static_cast<double>(bytes);
    if (bytes == first) at_once = RereadSeconds(data, 0) / size;
    if (RereadSeconds(data, kPause) > kSlower * at_once * size) break;
    kept = bytes;
  }
  return static_cast<double>(kept);
}

// Seconds of the fastest call of `run` within some time.
double Fastest(const std::function<void()>& run) {
  constexpr double kSeconds = 0.1;
  double best = std::numeric_limits<double>::infinity();
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 3 || SecondsSince(begin) < kSeconds; ++i) {
    const Clock::time_point start = Clock::now();
    run();
    best = std::min(best, SecondsSince(start));
  }
  return best;
}

// The share of peak at which the predicted seconds are the measured ones.
double Fit(WorkKind kind, kernels::MachineModel machine, double measured,
           const std::function<double(const kernels::MachineModel&)>& predict) {
  double& share = machine.share_of_peak[static_cast<std::size_t>(kind)];
  for (int i = 0; i < 8; ++i) {
    share = std::clamp(share * predict(machine) / measured, 0.001, 10.0);
  }
  return share;
}

double ConvShare(WorkKind kind, const char* id, const kernels::ConvShape& s,
                 const kernels::MachineModel& machine) {
  const kernels::ConvVariant* variant = kernels::FindConvVariant(id);
  if (variant == nullptr || !variant->supports(s)) return 0;
  const auto channels = [](std::int64_t c) { return (c + 15) / 16 * 16; };
  Tensor input = MakeFloats(static_cast<std::size_t>(s.n * channels(s.ic) * s.ih * s.iw) * 4);
  Tensor output = MakeFloats(static_cast<std::size_t>(s.n * channels(s.oc) * s.oh * s.ow) * 4);
  const Tensor weights =
      MakeFloats(static_cast<std::size_t>(s.oc * s.ic / s.groups * s.kh * s.kw) * 4);
  Tensor packed = MakeFloats(variant->packed_bytes(s));
  Tensor scratch = MakeFloats(variant->scratch_bytes(s));
  variant->pack(s, weights.data<float>(), packed.raw());
  kernels::ConvArgs args;
  args.input = input.data<float>();
  args.packed = packed.raw();
  args.output = output.data<float>();
  const double measured =
      Fastest([&] { variant->run(s, args, 0, variant->units(s), scratch.raw()); });
  return Fit(kind, machine, measured,
             [&](const kernels::MachineModel& m) { return variant->cost(s, 1, m); });
}

double GemmShare(WorkKind kind, const char* id, const kernels::GemmShape& s,
                 const kernels::MachineModel& machine) {
  const kernels::GemmVariant* variant = kernels::FindGemmVariant(id);
  if (variant == nullptr) return 0;
  const Tensor a = MakeFloats(static_cast<std::size_t>(s.m * s.k) * 4);
  const Tensor b = MakeFloats(static_cast<std::size_t>(s.k * s.n) * 4);
  Tensor c = MakeFloats(static_cast<std::size_t>(s.m * s.n) * 4);
  Tensor packed = MakeFloats(variant->packed_bytes(s));
  Tensor scratch = MakeFloats(variant->scratch_bytes(s));
  variant->pack(s, {b.data<float>(), s.n, 1}, packed.raw());
  kernels::GemmArgs args;
  args.a = a.data<float>();
  args.lda = s.k;
  args.packed = packed.raw();
  args.c = c.data<float>();
  args.ldc = s.n;
  const double measured =
      Fastest([&] { variant->run(s, args, 0, variant->units(s), scratch.raw()); });
  return Fit(kind, machine, measured,
             [&](const kernels::MachineModel& m) { return variant->cost(s, 1, m); });
}

kernels::ConvShape Square(std::int64_t in, std::int64_t size, std::int64_t out, int kernel,
                          int stride, std::int64_t groups = 1) {
  kernels::ConvShape s;
  s.ic = in;
  s.oc = out;
  s.ih = s.iw = size;
  s.oh = s.ow = size / stride;
  s.kh = s.kw = kernel;
  s.sh = s.sw = stride;
  s.pad_top = s.pad_left = kernel / 2;
  s.groups = groups;
  return s;
}

}  // namespace

Calibration Calibrate(const std::function<void(std::size_t, std::size_t)>& progress) {
  constexpr std::size_t kMeasurements = 12;
  std::size_t done = 0;
  const auto next = [&] {
    if (progress) progress(done++, kMeasurements);
  };
  const kernels::CacheSizes& caches = kernels::Caches();
  const std::size_t in_l3 =
      std::max(std::min(caches.l3_bytes / 4, kSurelyInL3), 2 * caches.l2_bytes);
  const std::size_t beyond_l3 =
      std::clamp(4 * caches.l3_bytes, std::size_t{64} << 20, std::size_t{256} << 20);
  // A line that is written to memory is read first, so copying moves half as much again.
  constexpr double kMemory = 1.5;
  Calibration c;
  c.threads = AvailableThreads();
  const auto measure = [&](double& to, auto&& function) {
    next();
    to = function();
  };
  measure(c.peak_gflops, [] { return kernels::MeasurePeakGflops(); });
  measure(c.l3_bytes, [&] { return KeptL3Bytes(caches); });
  measure(c.l2_gbps, [&] { return CopyGbps(caches.l2_bytes / 2, 1, 0.1); });
  measure(c.l3_gbps, [&] { return CopyGbps(in_l3, 1, 0.2); });
  measure(c.l3_all_gbps, [&] { return CopyGbps(in_l3 * 2, c.threads, 0.2); });
  measure(c.dram_gbps, [&] { return kMemory * CopyGbps(beyond_l3, 1, 0.3); });
  measure(c.dram_all_gbps, [&] { return kMemory * CopyGbps(beyond_l3, c.threads, 0.3); });
  c.l3_all_gbps = std::max(c.l3_all_gbps, c.l3_gbps);
  c.dram_all_gbps = std::max(c.dram_all_gbps, c.dram_gbps);

  kernels::MachineModel machine = kernels::DefaultMachineModel();
  Apply(c, machine);
  const auto conv = [&](const char* name, WorkKind kind, const char* id,
                        const kernels::ConvShape& s) {
    next();
    if (const double share = ConvShare(kind, id, s, machine); share > 0) {
      c.share_of_peak[name] = share;
    }
  };
  conv("tile", WorkKind::kTile, "conv/direct_f32", Square(128, 28, 128, 1, 1));
  conv("plane", WorkKind::kPlane, "conv/first_f32", Square(3, 112, 32, 3, 2));
  conv("depthwise", WorkKind::kDepthwise, "conv/depthwise_f32", Square(128, 28, 128, 3, 1, 128));
  conv("winograd", WorkKind::kWinograd, "conv/winograd4_f32", Square(128, 28, 128, 3, 1));
  next();
  if (const double share = GemmShare(WorkKind::kBlas, "gemm/blas_f32", {128, 512, 512}, machine);
      share > 0) {
    c.share_of_peak["blas"] = share;
  }
  return c;
}

}  // namespace kinglet
