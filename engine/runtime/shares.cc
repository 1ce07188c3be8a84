#include "engine/runtime/shares.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <utility>

#include "engine/cost/files.h"
#include "engine/runtime/fresh_memory.h"
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

std::size_t StoredBytes(kernels::TensorDesc desc, std::int64_t n, std::int64_t c, std::int64_t h,
                        std::int64_t w) {
  return static_cast<std::size_t>(kernels::StoredCount(desc, n, c, h, w) *
                                  kernels::ElementBytes(desc.type));
}

// Weights that a variant packs: of codes, they are within what codes can be.
Tensor MakeWeights(const kernels::ConvVariant& variant, const kernels::ConvShape& s) {
  const std::int64_t count = s.oc * s.ic / s.groups * s.kh * s.kw;
  if (variant.weights == kernels::ElementType::kFloat32) {
    return FreshFloats(static_cast<std::size_t>(count) * sizeof(float));
  }
  Tensor weights(DataType::kInt16, {count});
  std::fill_n(weights.data<std::int16_t>(), count, std::int16_t{3});
  return weights;
}

// Seconds of the fastest call of `run` within some time.
double Fastest(const std::function<void()>& run) {
  constexpr double kSeconds = 0.015;
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

using KernelRun = std::function<void()>;  // all units of a kernel on one thread, once

// A kernel with what it does. `prepare` gives it memory and weights anew; empty: it does not run
// here.
struct Prepared {
  kernels::Work work;
  std::function<KernelRun()> prepare;
};

struct KernelMemory {
  Tensor input, output, packed, scratch;
};

KernelRun RunOfConv(const kernels::ConvVariant& variant, const kernels::ConvShape& s,
                    kernels::Activation activation) {
  const auto memory = std::make_shared<KernelMemory>();
  memory->input = FreshFloats(StoredBytes(variant.input, s.n, s.ic, s.ih, s.iw));
  memory->output = FreshFloats(StoredBytes(variant.output, s.n, s.oc, s.oh, s.ow));
  memory->packed = FreshFloats(variant.packed_bytes(s));
  memory->scratch = FreshFloats(variant.scratch_bytes(s));
  const Tensor weights = MakeWeights(variant, s);
  variant.pack(s, weights.raw(), memory->packed.raw());
  kernels::ConvArgs args;
  args.input = memory->input.raw();
  args.packed = memory->packed.raw();
  args.output = memory->output.raw();
  args.epilogue.type = variant.output.type;
  args.epilogue.activation = activation;
  args.epilogue.alpha = kernels::FactsOf(activation).alpha;
  args.epilogue.beta = kernels::FactsOf(activation).beta;
  return [&variant, memory, s, args] {
    variant.run(s, args, 0, variant.units(s), memory->scratch.raw());
  };
}

Prepared PrepareConv(std::string_view id, const kernels::ConvShape& s,
                     kernels::Activation activation = kernels::Activation::kNone) {
  const kernels::ConvVariant* variant = kernels::FindConvVariant(id);
  const bool runs = variant != nullptr && variant->supports(s) &&
                    kernels::UsableFeatures().Contains(variant->needs);
  if (!runs) return {};
  kernels::Work work = variant->work(s, 1);
  work.stage().AddActivation(activation, static_cast<double>(s.n * s.oc * s.oh * s.ow));
  return {std::move(work), [variant, s, activation] { return RunOfConv(*variant, s, activation); }};
}

KernelRun RunOfGemm(const kernels::GemmVariant& variant, const kernels::GemmShape& s) {
  const auto memory = std::make_shared<KernelMemory>();
  memory->input = FreshFloats(static_cast<std::size_t>(s.m * s.k) * sizeof(float));
  memory->output = FreshFloats(static_cast<std::size_t>(s.m * s.n) * sizeof(float));
  memory->packed = FreshFloats(variant.packed_bytes(s));
  memory->scratch = FreshFloats(variant.scratch_bytes(s));
  const Tensor b = FreshFloats(static_cast<std::size_t>(s.k * s.n) * sizeof(float));
  variant.pack(s, {b.data<float>(), s.n, 1}, memory->packed.raw());
  kernels::GemmArgs args;
  args.a = memory->input.data<float>();
  args.lda = s.k;
  args.packed = memory->packed.raw();
  args.c = memory->output.data<float>();
  args.ldc = s.n;
  return [&variant, memory, s, args] {
    variant.run(s, args, 0, variant.units(s), memory->scratch.raw());
  };
}

Prepared PrepareGemm(std::string_view id, const kernels::GemmShape& s) {
  const kernels::GemmVariant* variant = kernels::FindGemmVariant(id);
  if (variant == nullptr) return {};
  return {variant->work(s, 1), [variant, s] { return RunOfGemm(*variant, s); }};
}

Prepared PreparePool(bool maximum, std::int64_t channels, std::int64_t size) {
  kernels::Pool p{.n = 1,
                  .c = channels,
                  .in_h = size,
                  .in_w = size,
                  .out_h = size,
                  .out_w = size,
                  .kernel_h = 3,
                  .kernel_w = 3,
                  .pad_top = 1,
                  .pad_left = 1,
                  .pad_bottom = 1,
                  .pad_right = 1};
  p.in_batch_stride = p.out_batch_stride = p.c * p.in_h * p.in_w;
  const kernels::PoolTable& table = kernels::GetPoolTable();
  const kernels::PoolFn run = maximum ? table.max_blocked : table.average_blocked;
  const auto prepare = [p, run]() -> KernelRun {
    const std::size_t bytes = static_cast<std::size_t>(p.in_batch_stride) * sizeof(float);
    const auto memory = std::make_shared<KernelMemory>();
    memory->input = FreshFloats(bytes);
    memory->output = FreshFloats(bytes);
    return [p, run, memory] {
      run(p, memory->input.data<float>(), memory->output.data<float>(), 0, BlockedUnitCount(p));
    };
  };
  return {kernels::PoolWork(p, maximum, true, 1), prepare};
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

// "128x28x28_k3s2".
std::string SizeText(const kernels::ConvShape& s) {
  std::string text = std::to_string(s.ic) + 'x' + std::to_string(s.ih) + 'x' + std::to_string(s.iw);
  if (s.groups == 1) text += "x" + std::to_string(s.oc);
  if (s.kh > 1) text += "_k" + std::to_string(s.kh);
  if (s.sh > 1) text += "s" + std::to_string(s.sh);
  return text;
}

}  // namespace

struct KernelSamples::Sample {
  std::string name;  // "depthwise 128x28x28_k3"
  kernels::Work work;
  std::function<KernelRun()> prepare;
};

// Kernels that do mostly operations of one kind, or of two, at several sizes.
struct KernelSamples::Group {
  WorkKind kind;
  std::optional<WorkKind> other;  // of which the samples do different proportions
  std::vector<Sample> samples;
};

// A peak of which tiles of a kernel reach the share that they have in float32.
struct KernelSamples::Peak {
  kernels::ElementType type;
  kernels::InstructionFamily family;
  Sample sample;
};

void KernelSamples::AddConvs(WorkKind kind, std::optional<WorkKind> other, const char* id,
                             const std::vector<kernels::ConvShape>& shapes) {
  Group& group = groups_.emplace_back(Group{kind, other, {}});
  for (const kernels::ConvShape& shape : shapes) {
    Prepared prepared = PrepareConv(id, shape);
    if (!prepared.prepare) continue;
    group.samples.push_back({std::string(NameOf(kind)) + ' ' + SizeText(shape),
                             std::move(prepared.work), std::move(prepared.prepare)});
  }
}

void KernelSamples::AddActivations() {
  Group& group = groups_.emplace_back(Group{WorkKind::kActivation, std::nullopt, {}});
  for (const std::int64_t channels : {64, 128}) {
    const kernels::ConvShape shape = Square(16, 28, channels, 1, 1);
    Prepared prepared = PrepareConv("conv/direct_f32", shape, kernels::Activation::kSwish);
    group.samples.push_back({std::string(NameOf(group.kind)) + ' ' + SizeText(shape),
                             std::move(prepared.work), std::move(prepared.prepare)});
  }
}

void KernelSamples::AddProducts() {
  Group& group = groups_.emplace_back(Group{WorkKind::kBlas, WorkKind::kBlasPack, {}});
  for (const std::int64_t rows : {128, 32, 8}) {
    Prepared prepared = PrepareGemm("gemm/blas_f32", {rows, 512, 512});
    if (!prepared.prepare) continue;
    group.samples.push_back({"blas " + std::to_string(rows) + "x512x512", std::move(prepared.work),
                             std::move(prepared.prepare)});
  }
}

void KernelSamples::AddPools(bool maximum) {
  const WorkKind kind = maximum ? WorkKind::kPoolMax : WorkKind::kPoolAverage;
  Group& group = groups_.emplace_back(Group{kind, std::nullopt, {}});
  for (const auto& [channels, size] : {std::pair<std::int64_t, std::int64_t>{64, 28}, {256, 14}}) {
    Prepared prepared = PreparePool(maximum, channels, size);
    const std::string side = std::to_string(size);
    group.samples.push_back({std::string(NameOf(kind)) + ' ' + std::to_string(channels) + 'x' +
                                 side + 'x' + side + "_k3",
                             std::move(prepared.work), std::move(prepared.prepare)});
  }
}

// Kernels on tiles are samples of the hardware only where they run on it.
void KernelSamples::AddPeaks() {
  using kernels::ElementType;
  using kernels::InstructionFamily;
  const kernels::ConvShape deep = Square(512, 14, 128, 1, 1);
  const auto add = [&](ElementType type, InstructionFamily family,
                       std::initializer_list<const char*> ids) {
    for (const char* id : ids) {
      Prepared prepared = PrepareConv(id, deep);
      if (!prepared.prepare) continue;
      peaks_.push_back(
          {type,
           family,
           {PeakName(type, family), std::move(prepared.work), std::move(prepared.prepare)}});
      return;
    }
  };
  const auto on_hardware = [](kernels::CpuFeature feature) {
    return kernels::ActiveTiles(feature) == kernels::TileMode::kHardware;
  };
  add(ElementType::kInt16, InstructionFamily::kVector, {"conv/direct_u8"});
  add(ElementType::kInt8, InstructionFamily::kDot, {"conv/quads_u8", "conv/narrow_quads_u8"});
  add(ElementType::kBFloat16, InstructionFamily::kDot, {"conv/pairs_bf16"});
  if (on_hardware(kernels::CpuFeature::kAmxInt8)) {
    add(ElementType::kInt8, InstructionFamily::kMatrix, {"conv/tiles_u8"});
  }
  if (on_hardware(kernels::CpuFeature::kAmxBf16)) {
    add(ElementType::kBFloat16, InstructionFamily::kMatrix, {"conv/tiles_bf16"});
  }
}

KernelSamples::KernelSamples() {
  // From the deepest sums to the shortest: the others tell what a tile's edge costs.
  AddConvs(WorkKind::kTile, WorkKind::kTileEdge, "conv/direct_f32",
           {Square(512, 14, 128, 1, 1), Square(128, 28, 128, 1, 1), Square(16, 28, 128, 1, 1)});
  AddConvs(WorkKind::kPlane, std::nullopt, "conv/first_f32",
           {Square(3, 112, 32, 3, 2), Square(3, 224, 32, 3, 2), Square(3, 112, 64, 7, 2)});
  AddConvs(WorkKind::kDepthwise, std::nullopt, "conv/depthwise_f32",
           {Square(32, 56, 32, 3, 1, 32), Square(128, 28, 128, 3, 1, 128),
            Square(512, 14, 512, 3, 1, 512)});
  AddConvs(WorkKind::kDepthwiseStrided, std::nullopt, "conv/depthwise_f32",
           {Square(32, 56, 32, 3, 2, 32), Square(128, 28, 128, 3, 2, 128),
            Square(256, 14, 256, 3, 2, 256)});
  AddConvs(WorkKind::kWinograd, WorkKind::kWinogradTransform, "conv/winograd4_f32",
           {Square(128, 28, 128, 3, 1), Square(64, 28, 64, 3, 1), Square(32, 28, 32, 3, 1)});
  AddActivations();
  AddProducts();
  AddPools(false);
  AddPools(true);
  AddPeaks();
}

KernelSamples::~KernelSamples() = default;

std::map<std::string, kernels::Work> KernelSamples::works() const {
  std::map<std::string, kernels::Work> works;
  for (const Group& group : groups_) {
    for (const Sample& sample : group.samples) works[sample.name] = sample.work;
  }
  for (const Peak& peak : peaks_) works[peak.sample.name] = peak.sample.work;
  return works;
}

Probes KernelSamples::probes() const {
  Probes probes;
  const auto add = [&](const Sample& sample) {
    probes.push_back({sample.name, [prepare = sample.prepare] { return Fastest(prepare()); }});
  };
  for (const Group& group : groups_) {
    for (const Sample& sample : group.samples) add(sample);
  }
  for (const Peak& peak : peaks_) add(peak.sample);
  return probes;
}

namespace {

// Of a sample's seconds, what its traffic and the operations that are not wanted leave.
template <typename F>
double Left(const kernels::Work& work, double seconds, const kernels::MachineModel& machine,
            F&& is_wanted) {
  const kernels::Prediction prediction = kernels::Predict(work, machine);
  const kernels::StageSeconds& stage = prediction.stages[0];
  double left = seconds - prediction.again - kernels::kBarelyHidden * stage.cached;
  for (const kernels::Operations& each : work.stages[0].operations) {
    if (each.count > 0 && !is_wanted(each.kind)) {
      left -= kernels::ArithmeticSeconds(each, machine);
    }
  }
  return std::max(left, seconds / 4);
}

// Least squares of the relative error of a * x + b * y = seconds, over samples.
struct Fitted {
  double a_each = 0, b_each = 0;
};
struct FitSums {
  double aa = 0, ab = 0, bb = 0, at = 0, bt = 0;

  void Add(double a, double b, double left, double seconds) {
    const double weight = 1 / (seconds * seconds);
    aa += weight * a * a;
    ab += weight * a * b;
    bb += weight * b * b;
    at += weight * a * left;
    bt += weight * b * left;
  }
  Fitted One() const { return {at / aa, 0}; }
  Fitted Two() const {
    const double determinant = aa * bb - ab * ab;
    return {(at * bb - bt * ab) / determinant, (bt * aa - at * ab) / determinant};
  }
};

// What measured kernels say of shares of the peak, one after the other.
class ShareFitter {
 public:
  ShareFitter(const kernels::MachineModel& machine, Calibration& calibration)
      : machine_(machine), calibration_(calibration) {}

  void Keep(WorkKind kind, double seconds_each) {
    const double share = ShareOf(seconds_each);
    if (!std::isfinite(share) || share <= 0) return;
    machine_.Share(kind) = share;
    calibration_.share_of_peak[std::string(NameOf(kind))] = share;
  }

  double ShareOf(double seconds_each) const {
    return 1e-9 / (seconds_each * machine_.Peak(kernels::ElementType::kFloat32));
  }

  const kernels::MachineModel& machine() const { return machine_; }
  Calibration& calibration() { return calibration_; }

  void SetPeak(kernels::ElementType type, kernels::InstructionFamily family,
               const kernels::Work& work, double seconds) {
    const double left =
        Left(work, seconds, machine_, [](WorkKind kind) { return kind == WorkKind::kTile; });
    const double peak = 1e-9 * work.Count(WorkKind::kTile) / left / machine_.Share(WorkKind::kTile);
    if (!std::isfinite(peak) || peak <= 0) return;
    machine_.Peak(type, family) = peak;
    calibration_.peaks[kernels::ElementName(type)][std::string(NameOf(family))] = peak;
  }

 private:
  kernels::MachineModel machine_;
  Calibration& calibration_;
};

}  // namespace

std::string PeakName(kernels::ElementType type, kernels::InstructionFamily family) {
  return std::string("peaks.") + kernels::ElementName(type) + '.' + std::string(NameOf(family));
}

void KernelSamples::Set(const Calibration::Figures& found, Calibration& calibration) const {
  kernels::MachineModel machine = kernels::DefaultMachineModel();
  Apply(calibration, machine);
  ShareFitter fitter(machine, calibration);
  for (const Group& group : groups_) {
    FitSums alone;
    FitSums both;
    std::size_t samples = 0;
    for (const Sample& sample : group.samples) {
      const auto seconds = found.find(sample.name);
      if (seconds == found.end()) continue;
      ++samples;
      const double a = sample.work.Count(group.kind);
      const double left_a = Left(sample.work, seconds->second, fitter.machine(),
                                 [&](WorkKind kind) { return kind == group.kind; });
      alone.Add(a, 0, left_a, seconds->second);
      if (!group.other) continue;
      const double left = Left(sample.work, seconds->second, fitter.machine(), [&](WorkKind kind) {
        return kind == group.kind || kind == *group.other;
      });
      both.Add(a, sample.work.Count(*group.other), left, seconds->second);
    }
    if (samples == 0) continue;
    const Fitted two = group.other && samples > 1 ? both.Two() : Fitted{};
    if (two.a_each > 0 && two.b_each > 0) {
      fitter.Keep(group.kind, two.a_each);
      fitter.Keep(*group.other, two.b_each);
    } else {  // one kind, or disturbed: with the usual share of the other
      fitter.Keep(group.kind, alone.One().a_each);
    }
    for (const Sample& sample : group.samples) {
      const auto seconds = found.find(sample.name);
      if (seconds == found.end()) continue;
      const double left = Left(sample.work, seconds->second, fitter.machine(),
                               [&](WorkKind kind) { return kind == group.kind; });
      calibration.more[sample.name] = fitter.ShareOf(left / sample.work.Count(group.kind));
    }
  }
  for (const Peak& peak : peaks_) {
    const auto seconds = found.find(peak.sample.name);
    if (seconds == found.end()) continue;
    fitter.SetPeak(peak.type, peak.family, peak.sample.work, seconds->second);
  }
}

}  // namespace kinglet
