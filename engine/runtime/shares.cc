#include "engine/runtime/shares.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>

#include "kernels/common/blocked.h"
#include "kernels/common/cpu_target.h"
#include "kernels/common/predict.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"
#include "kernels/pool/pool.h"
#include "kernels/tiles/mode.h"
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

std::size_t StoredBytes(kernels::TensorDesc desc, std::int64_t n, std::int64_t c, std::int64_t h,
                        std::int64_t w) {
  return static_cast<std::size_t>(kernels::StoredCount(desc, n, c, h, w) *
                                  kernels::ElementBytes(desc.type));
}

// Weights that a variant packs: of codes, they are within what codes can be.
Tensor MakeWeights(const kernels::ConvVariant& variant, const kernels::ConvShape& s) {
  const std::int64_t count = s.oc * s.ic / s.groups * s.kh * s.kw;
  if (variant.weights == kernels::ElementType::kFloat32) {
    return MakeFloats(static_cast<std::size_t>(count) * sizeof(float));
  }
  Tensor weights(DataType::kInt16, {count});
  std::fill_n(weights.data<std::int16_t>(), count, std::int16_t{3});
  return weights;
}

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
  const bool runs = variant != nullptr && variant->supports(s) &&
                    kernels::UsableFeatures().Contains(variant->needs);
  if (!runs) return std::nullopt;
  const Tensor input = MakeFloats(StoredBytes(variant->input, s.n, s.ic, s.ih, s.iw));
  Tensor output = MakeFloats(StoredBytes(variant->output, s.n, s.oc, s.oh, s.ow));
  const Tensor weights = MakeWeights(*variant, s);
  Tensor packed = MakeFloats(variant->packed_bytes(s));
  Tensor scratch = MakeFloats(variant->scratch_bytes(s));
  variant->pack(s, weights.raw(), packed.raw());
  kernels::ConvArgs args;
  args.input = input.raw();
  args.packed = packed.raw();
  args.output = output.raw();
  args.epilogue.type = variant->output.type;
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
  Shares(kernels::MachineModel machine, const std::function<void()>& next, Calibration& calibration)
      : machine_(std::move(machine)), next_(next), calibration_(calibration) {}

  std::optional<Sample> Conv(const char* id, const kernels::ConvShape& s) {
    next_();
    return SampleConv(id, s);
  }
  // Of the first one that runs here.
  std::optional<Sample> FirstConv(std::initializer_list<const char*> ids,
                                  const kernels::ConvShape& s) {
    next_();
    for (const char* id : ids) {
      if (std::optional<Sample> sample = SampleConv(id, s)) return sample;
    }
    return std::nullopt;
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

  // A peak of which tiles of a kernel reach the share that they have in float32.
  void SetPeak(kernels::ElementType type, kernels::InstructionFamily family,
               const std::optional<Sample>& sample) {
    if (!sample) return;
    const double seconds = Left(*sample, [](WorkKind kind) { return kind == WorkKind::kTile; });
    const double peak =
        1e-9 * sample->work.Count(WorkKind::kTile) / seconds / machine_.Share(WorkKind::kTile);
    if (!std::isfinite(peak) || peak <= 0) return;
    machine_.Peak(type, family) = peak;
    calibration_.peaks[kernels::ElementName(type)][std::string(NameOf(family))] = peak;
  }

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
    calibration_.share_of_peak[std::string(NameOf(kind))] = share;
  }

  kernels::MachineModel machine_;
  const std::function<void()>& next_;
  Calibration& calibration_;
};

// Kernels on tiles are samples of the hardware only where they run on it.
void SetPeaks(Shares& shares) {
  using kernels::ElementType;
  using kernels::InstructionFamily;
  const kernels::ConvShape deep = Square(512, 14, 128, 1, 1);
  shares.SetPeak(ElementType::kInt16, InstructionFamily::kVector,
                 shares.Conv("conv/direct_u8", deep));
  shares.SetPeak(ElementType::kInt8, InstructionFamily::kDot,
                 shares.FirstConv({"conv/quads_u8", "conv/narrow_quads_u8"}, deep));
  const auto on_hardware = [&](kernels::CpuFeature feature, const char* id) {
    const bool hardware = kernels::ActiveTiles(feature) == kernels::TileMode::kHardware;
    return shares.Conv(hardware ? id : "", deep);
  };
  shares.SetPeak(ElementType::kInt8, InstructionFamily::kMatrix,
                 on_hardware(kernels::CpuFeature::kAmxInt8, "conv/tiles_u8"));
  shares.SetPeak(ElementType::kBFloat16, InstructionFamily::kMatrix,
                 on_hardware(kernels::CpuFeature::kAmxBf16, "conv/tiles_bf16"));
}

}  // namespace

void MeasureShares(kernels::MachineModel machine, const std::function<void()>& next,
                   Calibration& calibration) {
  Shares shares(std::move(machine), next, calibration);
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
  SetPeaks(shares);
}

}  // namespace kinglet
