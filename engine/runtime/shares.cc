#include "engine/runtime/shares.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "kernels/common/predict.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"
#include "kernels/pool/pool.h"
#include "kinglet/tensor.h"

namespace kinglet {
namespace {

using kernels::WorkKind;
using Clock = std::chrono::steady_clock;

Tensor MakeFloats(std::size_t bytes) {
  Tensor tensor(DataType::kFloat32, {static_cast<std::int64_t>(bytes / sizeof(float)) + 16});
  std::fill_n(tensor.data<float>(), tensor.size(), 0.5f);
  return tensor;
}

std::int64_t InBlocks(std::int64_t channels) { return (channels + 15) / 16 * 16; }

// Seconds of the fastest call of `run` within some time.
double Fastest(const std::function<void()>& run) {
  constexpr double kSeconds = 0.1;
  double best = std::numeric_limits<double>::infinity();
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 3 || since(begin) < kSeconds; ++i) {
    const Clock::time_point start = Clock::now();
    run();
    best = std::min(best, since(start));
  }
  return best;
}

// All units of a kernel on one thread.
struct Sample {
  kernels::Work work;
  double seconds = 0;
};

std::optional<Sample> SampleConv(const char* id, const kernels::ConvShape& s) {
  const kernels::ConvVariant* variant = kernels::FindConvVariant(id);
  if (variant == nullptr || !variant->supports(s)) return std::nullopt;
  const Tensor input = MakeFloats(static_cast<std::size_t>(s.n * InBlocks(s.ic) * s.ih * s.iw) * 4);
  Tensor output = MakeFloats(static_cast<std::size_t>(s.n * InBlocks(s.oc) * s.oh * s.ow) * 4);
  const Tensor weights =
      MakeFloats(static_cast<std::size_t>(s.oc * s.ic / s.groups * s.kh * s.kw) * 4);
  Tensor packed = MakeFloats(variant->packed_bytes(s));
  Tensor scratch = MakeFloats(variant->scratch_bytes(s));
  variant->pack(s, weights.data<float>(), packed.raw());
  kernels::ConvArgs args;
  args.input = input.data<float>();
  args.packed = packed.raw();
  args.output = output.data<float>();
  return Sample{variant->work(s, 1),
                Fastest([&] { variant->run(s, args, 0, variant->units(s), scratch.raw()); })};
}

std::optional<Sample> SampleGemm(const char* id, const kernels::GemmShape& s) {
  const kernels::GemmVariant* variant = kernels::FindGemmVariant(id);
  if (variant == nullptr) return std::nullopt;
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
  return Sample{variant->work(s, 1),
                Fastest([&] { variant->run(s, args, 0, variant->units(s), scratch.raw()); })};
}

Sample SamplePool(bool maximum) {
  kernels::Pool p{.n = 1,
                  .c = 64,
                  .in_h = 28,
                  .in_w = 28,
                  .out_h = 28,
                  .out_w = 28,
                  .kernel_h = 3,
                  .kernel_w = 3,
                  .pad_top = 1,
                  .pad_left = 1,
                  .pad_bottom = 1,
                  .pad_right = 1};
  p.in_batch_stride = p.out_batch_stride = p.c * p.in_h * p.in_w;
  const Tensor x = MakeFloats(static_cast<std::size_t>(p.in_batch_stride) * 4);
  Tensor y = MakeFloats(static_cast<std::size_t>(p.out_batch_stride) * 4);
  const kernels::PoolTable& table = kernels::GetPoolTable();
  const kernels::PoolFn run = maximum ? table.max_blocked : table.average_blocked;
  return {kernels::PoolWork(p, maximum, true, 1),
          Fastest([&] { run(p, x.data<float>(), y.data<float>(), 0, BlockedUnitCount(p)); })};
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

class Shares {
 public:
  Shares(kernels::MachineModel machine, const std::function<void()>& next)
      : machine_(std::move(machine)), next_(next) {}

  std::optional<Sample> Conv(const char* id, const kernels::ConvShape& s) {
    next_();
    return SampleConv(id, s);
  }
  std::optional<Sample> Gemm(const char* id, const kernels::GemmShape& s) {
    next_();
    return SampleGemm(id, s);
  }
  Sample Pool(bool maximum) {
    next_();
    return SamplePool(maximum);
  }

  // The kind's operations over the seconds that nothing else explains.
  void Set(WorkKind kind, const std::optional<Sample>& sample) {
    if (!sample) return;
    const double seconds = Left(*sample, [&](WorkKind other) { return other == kind; });
    Keep(kind, seconds / sample->work.Count(kind));
  }

  // Two kinds of which the samples do different proportions.
  void Set(WorkKind a, WorkKind b, const std::optional<Sample>& first,
           const std::optional<Sample>& second) {
    if (!first || !second) return;
    const auto either = [&](WorkKind kind) { return kind == a || kind == b; };
    const double t1 = Left(*first, either);
    const double t2 = Left(*second, either);
    const double a1 = first->work.Count(a), b1 = first->work.Count(b);
    const double a2 = second->work.Count(a), b2 = second->work.Count(b);
    const double determinant = a1 * b2 - a2 * b1;
    const double each_a = (t1 * b2 - t2 * b1) / determinant;
    const double each_b = (a1 * t2 - a2 * t1) / determinant;
    if (each_a > 0 && each_b > 0) {
      Keep(a, each_a);
      Keep(b, each_b);
    } else {  // disturbed: the usual share of the smaller part
      Set(a, first);
    }
  }

  const Calibration::Figures& found() const { return found_; }

 private:
  // Of a sample's seconds, what its traffic and the other kinds leave.
  template <typename F>
  double Left(const Sample& sample, F&& is_wanted) const {
    const kernels::Prediction prediction = kernels::Predict(sample.work, machine_);
    const kernels::StageSeconds& stage = prediction.stages[0];
    double left = sample.seconds - prediction.again - kernels::kBarelyHidden * stage.cached;
    for (const kernels::Operations& each : sample.work.stages[0].operations) {
      if (each.count > 0 && !is_wanted(each.kind)) {
        left -= kernels::ArithmeticSeconds(each, machine_);
      }
    }
    return std::max(left, sample.seconds / 4);
  }

  void Keep(WorkKind kind, double seconds_each) {
    const double share = 1e-9 / (seconds_each * machine_.Peak(kernels::ElementType::kFloat32));
    if (!std::isfinite(share) || share <= 0) return;
    machine_.Share(kind) = share;
    found_[std::string(NameOf(kind))] = share;
  }

  kernels::MachineModel machine_;
  const std::function<void()>& next_;
  Calibration::Figures found_;
};

}  // namespace

Calibration::Figures MeasureShares(kernels::MachineModel machine,
                                   const std::function<void()>& next) {
  Shares shares(std::move(machine), next);
  {
    const auto deep = shares.Conv("conv/direct_f32", Square(512, 14, 128, 1, 1));
    const auto shallow = shares.Conv("conv/direct_f32", Square(16, 28, 128, 1, 1));
    shares.Set(WorkKind::kTile, WorkKind::kTileEdge, deep, shallow);
  }
  shares.Set(WorkKind::kPlane, shares.Conv("conv/first_f32", Square(3, 112, 32, 3, 2)));
  shares.Set(WorkKind::kDepthwise,
             shares.Conv("conv/depthwise_f32", Square(128, 28, 128, 3, 1, 128)));
  shares.Set(WorkKind::kDepthwiseStrided,
             shares.Conv("conv/depthwise_f32", Square(128, 28, 128, 3, 2, 128)));
  {
    const auto wide = shares.Conv("conv/winograd4_f32", Square(128, 28, 128, 3, 1));
    const auto narrow = shares.Conv("conv/winograd4_f32", Square(32, 28, 32, 3, 1));
    shares.Set(WorkKind::kWinograd, WorkKind::kWinogradTransform, wide, narrow);
  }
  {
    const auto many = shares.Gemm("gemm/blas_f32", {128, 512, 512});
    const auto few = shares.Gemm("gemm/blas_f32", {8, 512, 512});
    shares.Set(WorkKind::kBlas, WorkKind::kBlasPack, many, few);
  }
  shares.Set(WorkKind::kPoolAverage, shares.Pool(false));
  shares.Set(WorkKind::kPoolMax, shares.Pool(true));
  return shares.found();
}

}  // namespace kinglet
