// DeformConv: a convolution whose taps are moved by offsets, each output pixel's by its own (Dai et
// al. 2017, arXiv:1703.06211), and weighted by a mask (Zhu et al. 2018, arXiv:1811.11168).
//
// For a part of the output pixels, what the taps read is written out as the columns of a matrix,
// which is multiplied with the filters.
#include <algorithm>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/spatial.h"
#include "engine/ops/views.h"
#include "kernels/gemm/blas.h"
#include "kernels/sample/sample.h"

namespace kinglet {
namespace {

using kernels::kSamplesAtOnce;

constexpr std::size_t kWeights = 1, kOffsets = 2, kBias = 3, kMask = 4;

struct Deformed {
  Window window;
  std::int64_t images = 0, channels = 0, filters = 0;
  std::int64_t groups = 1, offset_groups = 1;
  std::int64_t in_h = 0, in_w = 0, out_h = 0, out_w = 0;
  bool has_bias = false, has_mask = false;

  std::int64_t taps() const { return window.kernel[0] * window.kernel[1]; }
  std::int64_t pixels() const { return out_h * out_w; }
  std::int64_t GroupChannels() const { return channels / groups; }
  std::int64_t Depth() const { return GroupChannels() * taps(); }  // of a product
  std::int64_t Rows() const { return channels * taps(); }          // of the columns
};

void CheckGroups(const NodeContext& context, const char* name, std::int64_t groups,
                 std::int64_t channels) {
  if (groups < 1 || channels % groups != 0) {
    context.Invalid(std::string(name) + " is " + std::to_string(groups) +
                    ", expected a divisor of " + std::to_string(channels) + " channels");
  }
}

void CheckShape(const NodeContext& context, std::size_t i, const char* what,
                const Shape& expected) {
  if (context.InputShape(i) == expected) return;
  context.Invalid(std::string(what) + " (input " + std::to_string(i) + ") has shape " +
                  ShapeToString(context.InputShape(i)) + ", expected " + ShapeToString(expected));
}

Deformed DeformedOf(const NodeContext& context) {
  const Shape& x = context.InputShape(0);
  const Shape& w = context.InputShape(kWeights);
  if (x.size() != 4 || w.size() != 4) {
    context.Invalid("expected images {N, C, H, W} and filters {M, C / group, kH, kW}, found " +
                    ShapeToString(x) + " and " + ShapeToString(w));
  }
  Deformed d;
  const std::vector<std::int64_t> input{x[2], x[3]}, kernel{w[2], w[3]};
  d.window = ConvWindow(context, input, kernel);
  d.images = x[0];
  d.channels = x[1];
  d.filters = w[0];
  d.groups = context.attributes().Int("group", 1);
  d.offset_groups = context.attributes().Int("offset_group", 1);
  CheckGroups(context, "group", d.groups, d.channels);
  CheckGroups(context, "group", d.groups, d.filters);
  CheckGroups(context, "offset_group", d.offset_groups, d.channels);
  d.in_h = x[2];
  d.in_w = x[3];
  d.out_h = d.window.output[0];
  d.out_w = d.window.output[1];
  d.has_bias = context.HasInput(kBias);
  d.has_mask = context.HasInput(kMask);
  CheckShape(context, kWeights, "the filters",
             {d.filters, d.GroupChannels(), kernel[0], kernel[1]});
  const std::int64_t maps = MultiplySizes(context, d.offset_groups, d.taps());
  CheckShape(context, kOffsets, "the offset",
             {d.images, MultiplySizes(context, maps, 2), d.out_h, d.out_w});
  if (d.has_bias) CheckShape(context, kBias, "the bias", {d.filters});
  if (d.has_mask) CheckShape(context, kMask, "the mask", {d.images, maps, d.out_h, d.out_w});
  return d;
}

void InferDeformConv(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 5);
  const Deformed d = DeformedOf(context);
  const std::int64_t elements = MultiplySizes(context, d.in_h, d.in_w);
  if (elements == 0 && d.images > 0) {
    context.Invalid("images without pixels: " + ShapeToString(context.InputShape(0)));
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 30;  // that BLAS and offsets take
  constexpr std::int64_t kMostRows = std::int64_t{1} << 20;
  if (std::max({elements, d.filters, MultiplySizes(context, d.out_h, d.out_w)}) >= kMost) {
    context.Unsupported("maps or filters of 2^30 elements and more");
  }
  if (MultiplySizes(context, d.channels, d.taps()) >= kMostRows) {
    context.Unsupported("2^20 channels times taps of the kernel and more");
  }
  context.SetOutput(0, context.InputType(0), {d.images, d.filters, d.out_h, d.out_w});
}

// Columns of an image, at most.
std::int64_t PartPixels(const Deformed& d, std::size_t element_bytes) {
  constexpr std::int64_t kColumnBytes = 448 << 10;
  const std::int64_t row = std::max<std::int64_t>(d.Rows(), 1);
  const std::int64_t fitting = kColumnBytes / (row * static_cast<std::int64_t>(element_bytes));
  return std::clamp<std::int64_t>(fitting / kSamplesAtOnce, 1, 16) * kSamplesAtOnce;
}

// A table of taps, then the matrix of columns, {rows, part}.
template <typename T>
struct Scratch {
  static std::size_t Bytes(const Deformed& d) {
    const std::int64_t matrix = d.Rows() * PartPixels(d, sizeof(T));
    return sizeof(T) * static_cast<std::size_t>((3 + 2 * 4) * kSamplesAtOnce + matrix);
  }
  explicit Scratch(std::byte* memory)
      : places(reinterpret_cast<T*>(memory)),
        factors(places + 2 * kSamplesAtOnce),
        weights(factors + kSamplesAtOnce),
        offsets(reinterpret_cast<kernels::SampleOffset<T>*>(weights + 4 * kSamplesAtOnce)),
        matrix(weights + 8 * kSamplesAtOnce) {}
  T* places;
  T* factors;
  T* weights;
  kernels::SampleOffset<T>* offsets;
  T* matrix;
};

template <typename T>
class Runner {
 public:
  Runner(const Deformed& d, const kernels::SampleTable& table)
      : d_(d), fill_(kernels::SampleFunctionsOf<T>(table).fill), part_(PartPixels(d, sizeof(T))) {
    map_.rank = 2;
    map_.sizes[0] = d.in_h;
    map_.sizes[1] = d.in_w;
    gather_ = kernels::GatherOf<T>(table, map_);
  }

  // Units: parts of an image's pixels, of all groups of filters.
  std::int64_t Units() const { return d_.filters == 0 ? 0 : d_.images * Parts(); }

  void Run(const StepArgs& args, std::int64_t unit) const {
    const Scratch<T> scratch(args.scratch);
    const std::int64_t image = unit / Parts(), begin = unit % Parts() * part_;
    const std::int64_t pixels = std::min(part_, d_.pixels() - begin);
    for (std::int64_t p = 0; p < pixels; p += kSamplesAtOnce) {
      FillColumns(args, scratch, image, begin + p, std::min(kSamplesAtOnce, pixels - p),
                  scratch.matrix + p, pixels);
    }
    for (std::int64_t group = 0; group < d_.groups; ++group) {
      Multiply(args, scratch.matrix + group * d_.Depth() * pixels, image, group, begin, pixels);
    }
  }

 private:
  std::int64_t Parts() const { return CeilDiv(d_.pixels(), part_); }

  // What the taps of all channels read for pixels [first, first + count). The channels of an offset
  // group share the places.
  void FillColumns(const StepArgs& args, const Scratch<T>& s, std::int64_t image,
                   std::int64_t first, std::int64_t count, T* to, std::int64_t columns) const {
    const std::int64_t elements = d_.in_h * d_.in_w, shared = d_.channels / d_.offset_groups;
    const T* x = static_cast<const T*>(args.inputs[0]) + image * d_.channels * elements;
    for (std::int64_t group = 0; group < d_.offset_groups; ++group) {
      for (std::int64_t tap = 0; tap < d_.taps(); ++tap) {
        const std::int64_t map = (image * d_.offset_groups + group) * d_.taps() + tap;
        SetPlaces(args, s, map, tap, first, count);
        fill_(map_, s.places, d_.has_mask ? s.factors : nullptr, s.offsets, s.weights);
        for (std::int64_t c = group * shared; c < (group + 1) * shared; ++c) {
          gather_(s.offsets, s.weights, 4, count, x + c * elements,
                  to + (c * d_.taps() + tap) * columns);
        }
      }
    }
  }

  // The places of one tap, `map` counting the taps of all images and offset groups.
  void SetPlaces(const StepArgs& args, const Scratch<T>& s, std::int64_t map, std::int64_t tap,
                 std::int64_t first, std::int64_t count) const {
    const Window& w = d_.window;
    const T* down = static_cast<const T*>(args.inputs[kOffsets]) + 2 * map * d_.pixels() + first;
    const T* right = down + d_.pixels();
    const std::int64_t top = tap / w.kernel[1] * w.dilations[0] - w.pads_begin[0];
    const std::int64_t left = tap % w.kernel[1] * w.dilations[1] - w.pads_begin[1];
    std::int64_t y = first / d_.out_w, x = first % d_.out_w;
    for (std::int64_t p = 0; p < count; ++p) {
      s.places[p] = static_cast<T>(y * w.strides[0] + top) + down[p];
      s.places[kSamplesAtOnce + p] = static_cast<T>(x * w.strides[1] + left) + right[p];
      if (++x == d_.out_w) {
        x = 0;
        ++y;
      }
    }
    const T* mask =
        d_.has_mask ? static_cast<const T*>(args.inputs[kMask]) + map * d_.pixels() : nullptr;
    for (std::int64_t p = 0; p < count && mask != nullptr; ++p) s.factors[p] = mask[first + p];
    for (T* row : {s.places, s.places + kSamplesAtOnce, s.factors}) {
      std::fill(row + count, row + kSamplesAtOnce, T{0});
    }
  }

  void Multiply(const StepArgs& args, const T* matrix, std::int64_t image, std::int64_t group,
                std::int64_t first, std::int64_t pixels) const {
    const std::int64_t filters = d_.filters / d_.groups, depth = d_.Depth();
    const T* weights = static_cast<const T*>(args.inputs[kWeights]) + group * filters * depth;
    const T* bias =
        d_.has_bias ? static_cast<const T*>(args.inputs[kBias]) + group * filters : nullptr;
    T* y = static_cast<T*>(args.outputs[0]) + (image * d_.filters + group * filters) * d_.pixels() +
           first;
    for (std::int64_t m = 0; m < filters; ++m) {
      std::fill_n(y + m * d_.pixels(), pixels, bias == nullptr ? T{0} : bias[m]);
    }
    if (depth == 0) return;
    if constexpr (sizeof(T) == 4) {
      kernels::BlasGemm(false, false, filters, pixels, depth, 1.0f, weights, depth, matrix, pixels,
                        1.0f, y, d_.pixels());
    } else {
      for (std::int64_t m = 0; m < filters; ++m) {
        for (std::int64_t k = 0; k < depth; ++k) {
          const T weight = weights[m * depth + k];
          for (std::int64_t p = 0; p < pixels; ++p) {
            y[m * d_.pixels() + p] += weight * matrix[k * pixels + p];
          }
        }
      }
    }
  }

  Deformed d_;
  decltype(kernels::SampleFunctions<T>::fill) fill_;
  decltype(kernels::SampleFunctions<T>::gather) gather_ = nullptr;
  kernels::SampleMap map_;
  std::int64_t part_;
};

template <typename T>
std::unique_ptr<Step> MakeDeformConv(const Deformed& d) {
  const Runner<T> runner(d, kernels::GetSampleTable());
  auto step =
      MakeStep(sizeof(T) == 4 ? "sample/deform_blas_f32" : "sample/deform_f64", runner.Units(),
               [runner](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                 for (std::int64_t unit = begin; unit < end; ++unit) {
                   runner.Run(args, unit);
                 }
               });
  step->scratch_bytes = Scratch<T>::Bytes(d);
  step->single_units = true;
  return step;
}

// The columns take a gather of four elements for each of theirs, the product the rest.
kernels::Work WorkOf(const Deformed& d, std::int64_t units) {
  const double pixels = static_cast<double>(d.images) * static_cast<double>(d.pixels());
  const double columns = pixels * static_cast<double>(d.Rows());
  kernels::WorkStage stage;
  stage.Add(
      {.kind = kernels::WorkKind::kBlas,
       .count = 2 * pixels * static_cast<double>(d.filters) * static_cast<double>(d.Depth())});
  stage.Add({.kind = kernels::WorkKind::kBlasPack, .count = 4 * columns});
  stage.read_bytes =
      4 * static_cast<double>(d.images * d.channels) * static_cast<double>(d.in_h * d.in_w);
  stage.write_bytes = 4 * pixels * static_cast<double>(d.filters);
  return kernels::SharedWork(stage, std::max<std::int64_t>(units, 1), 1);
}

std::unique_ptr<Step> PlanDeformConv(PlanContext& context) {
  kernels::PrepareBlas();
  const Deformed d = DeformedOf(context);
  auto step =
      DispatchFloat(context.InputType(0), [&]<typename T>() { return MakeDeformConv<T>(d); });
  step->macs = ElementCount(context.OutputShape(0)) * d.Depth();
  step->work = WorkOf(d, step->units);
  return step;
}

// Images, offsets and masks have the batch; filters and bias do not.
bool DeformConvBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!context.HasInput(i)) continue;
    const bool shared = i == kWeights || i == kBias;
    if (inputs[i] != (shared ? BatchUse::kFree : BatchUse::kImages)) return false;
  }
  return true;
}

}  // namespace

const OpDef& OpDeformConv() {
  static const OpDef def{.name = "DeformConv",
                         .since = 19,
                         .min_inputs = 3,
                         .max_inputs = 5,
                         .attributes = "dilations group kernel_shape offset_group pads strides",
                         .types = "float32, float64",
                         .infer = InferDeformConv,
                         .plan = PlanDeformConv,
                         .batch_wise = DeformConvBatchWise};
  return def;
}

}  // namespace kinglet
