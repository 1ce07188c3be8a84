// GridSample: maps read at the places that a grid names, in one to three dimensions.
#include <algorithm>
#include <cstring>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/sample/sample.h"

namespace kinglet {
namespace {

using kernels::kSamplesAtOnce;
using kernels::SampleMode;
using kernels::SampleOutside;

// Version 20 renamed the modes; both names of each are taken, as exporters mix them up.
SampleMode ModeOf(const NodeContext& context) {
  const std::string mode = context.attributes().String("mode", "linear");
  if (mode == "linear" || mode == "bilinear") return SampleMode::kLinear;
  if (mode == "nearest") return SampleMode::kNearest;
  if (mode == "cubic" || mode == "bicubic") return SampleMode::kCubic;
  context.Invalid("mode '" + mode + "', expected linear, nearest or cubic");
}

SampleOutside OutsideOf(const NodeContext& context) {
  const std::string mode = context.attributes().String("padding_mode", "zeros");
  if (mode == "zeros") return SampleOutside::kZero;
  if (mode == "border") return SampleOutside::kBorder;
  if (mode == "reflection") return SampleOutside::kReflect;
  context.Invalid("padding_mode '" + mode + "', expected zeros, border or reflection");
}

// The maps {N, C, sizes...} and the grid {N, output sizes..., rank}.
struct Sampling {
  kernels::SampleMap map;
  std::int64_t images = 0, channels = 0;
  std::int64_t elements = 0;  // of one map
  std::int64_t samples = 0;   // of one map
  Shape output;
};

Sampling SamplingOf(const NodeContext& context) {
  const Shape& x = context.InputShape(0);
  const Shape& grid = context.InputShape(1);
  const std::size_t rank = x.size() < 3 ? 0 : x.size() - 2;
  if (rank < 1 || rank > kernels::kSampleRank) {
    context.Invalid("input 0 has shape " + ShapeToString(x) +
                    ", expected batch, channels and one to three spatial sizes");
  }
  if (grid.size() != x.size() || grid[0] != x[0] ||
      grid.back() != static_cast<std::int64_t>(rank)) {
    context.Invalid("the grid (input 1) has shape " + ShapeToString(grid) + ", expected rank " +
                    std::to_string(x.size()) + ", the batch " + std::to_string(x[0]) +
                    " first and " + std::to_string(rank) + " last for input 0 of shape " +
                    ShapeToString(x));
  }
  Sampling s;
  s.map.rank = static_cast<int>(rank);
  s.map.mode = ModeOf(context);
  s.map.outside = OutsideOf(context);
  s.map.align_corners = context.attributes().Int("align_corners", 0) != 0;
  s.images = x[0];
  s.channels = x[1];
  s.elements = DimsProduct(x, 2, x.size());
  s.samples = DimsProduct(grid, 1, grid.size() - 1);
  s.output = {x[0], x[1]};
  s.output.insert(s.output.end(), grid.begin() + 1, grid.end() - 1);
  std::copy(x.begin() + 2, x.end(), s.map.sizes);
  return s;
}

void InferGridSample(InferContext& context) {
  const Sampling s = SamplingOf(context);
  RequireFloat(context, 1);
  if (s.map.mode != SampleMode::kNearest) RequireFloat(context, 0);
  if (s.elements == 0 && ElementCount(s.output) > 0) {
    context.Invalid("samples of maps without elements: " + ShapeToString(context.InputShape(0)));
  }
  if (s.elements >= kernels::kMaxSampledElements) {
    context.Unsupported("maps of " + std::to_string(s.elements) + " elements, at most 2^31 - 1");
  }
  context.SetOutput(0, context.InputType(0), s.output);
}

// Coordinates from -1 to 1 as ones of elements, the last axis first in the grid. The places of
// samples behind `count` repeat the last one's.
template <typename T, typename G>
void ReadPlaces(const kernels::SampleMap& map, const G* grid, std::int64_t count, T* places) {
  for (int axis = 0; axis < map.rank; ++axis) {
    const T size = static_cast<T>(map.sizes[axis]);
    T* to = places + axis * kSamplesAtOnce;
    const G* from = grid + (map.rank - 1 - axis);
    for (std::int64_t p = 0; p < count; ++p) {
      const T n = static_cast<T>(from[p * map.rank]);
      to[p] = map.align_corners ? (n + 1) / 2 * (size - 1) : ((n + 1) * size - 1) / 2;
    }
    std::fill(to + count, to + kSamplesAtOnce, to[count - 1]);
  }
}

// The tap table of a unit in its scratch.
template <typename T>
struct Scratch {
  static std::size_t Bytes(const kernels::SampleMap& map) {
    return static_cast<std::size_t>((map.rank + 2 * kernels::TapCount(map)) * kSamplesAtOnce) *
           sizeof(T);
  }
  Scratch(const kernels::SampleMap& map, std::byte* memory)
      : places(reinterpret_cast<T*>(memory)),
        weights(places + map.rank * kSamplesAtOnce),
        offsets(reinterpret_cast<kernels::SampleOffset<T>*>(weights + kernels::TapCount(map) *
                                                                          kSamplesAtOnce)) {}
  T* places;
  T* weights;
  kernels::SampleOffset<T>* offsets;
};

// A step whose units are kSamplesAtOnce samples of all channels of an image: fills their tap table
// and calls `sample(args, image, first sample, count, table)`. T is the type of the coordinates, G
// that of the grid; of a tap, the channels take `tap_operations` as plain loops count them.
template <typename T, typename G, typename F>
std::unique_ptr<Step> MakeSampleStep(const PlanContext& context, const char* kernel,
                                     const Sampling& s, double tap_operations, F sample) {
  const std::int64_t parts = CeilDiv(s.samples, kSamplesAtOnce);
  const auto fill = kernels::SampleFunctionsOf<T>(kernels::GetSampleTable()).fill;
  auto step = MakeStep(kernel, s.channels == 0 ? 0 : s.images * parts,
                       [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                         const Scratch<T> table(s.map, args.scratch);
                         for (std::int64_t unit = begin; unit < end; ++unit) {
                           const std::int64_t image = unit / parts;
                           const std::int64_t first = unit % parts * kSamplesAtOnce;
                           const std::int64_t count = std::min(kSamplesAtOnce, s.samples - first);
                           const auto* grid = static_cast<const G*>(args.inputs[1]) +
                                              (image * s.samples + first) * s.map.rank;
                           ReadPlaces(s.map, grid, count, table.places);
                           fill(s.map, table.places, nullptr, table.offsets, table.weights);
                           sample(args, image, first, count, table);
                         }
                       });
  step->scratch_bytes = Scratch<T>::Bytes(s.map);
  const double taps = static_cast<double>(kernels::TapCount(s.map));
  const double samples = static_cast<double>(s.images) * static_cast<double>(s.samples);
  return WithLoops(std::move(step), context, samples * taps * (4 + tap_operations));
}

// Elements are picked as they are, so that any type will do.
template <typename E, typename G>
std::unique_ptr<Step> PlanNearest(const PlanContext& context, const Sampling& s) {
  return MakeSampleStep<G, G>(
      context, "sample/nearest", s, 2 * static_cast<double>(s.channels),
      [=](const StepArgs& args, std::int64_t image, std::int64_t first, std::int64_t count,
          const Scratch<G>& table) {
        const auto* x = static_cast<const E*>(args.inputs[0]) + image * s.channels * s.elements;
        auto* y = static_cast<E*>(args.outputs[0]) + image * s.channels * s.samples + first;
        for (std::int64_t c = 0; c < s.channels; ++c, x += s.elements, y += s.samples) {
          for (std::int64_t p = 0; p < count; ++p) {
            y[p] = table.weights[p] == 0 ? E{0} : x[table.offsets[p]];
          }
        }
      });
}

template <typename T, typename G>
std::unique_ptr<Step> PlanWeighted(const PlanContext& context, const Sampling& s) {
  const std::int64_t taps = kernels::TapCount(s.map);
  const auto gather = kernels::GatherOf<T>(kernels::GetSampleTable(), s.map);
  return MakeSampleStep<T, G>(
      context, sizeof(T) == 4 ? "sample/plain_f32" : "sample/plain_f64", s,
      2 * static_cast<double>(s.channels),
      [=](const StepArgs& args, std::int64_t image, std::int64_t first, std::int64_t count,
          const Scratch<T>& table) {
        const auto* x = static_cast<const T*>(args.inputs[0]) + image * s.channels * s.elements;
        auto* y = static_cast<T*>(args.outputs[0]) + image * s.channels * s.samples + first;
        for (std::int64_t c = 0; c < s.channels; ++c, x += s.elements, y += s.samples) {
          gather(table.offsets, table.weights, taps, count, x, y);
        }
      });
}

// Blocks of 16 channels, whose taps lie side by side.
template <typename G>
std::unique_ptr<Step> PlanBlocked(PlanContext& context, const Sampling& s) {
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const std::int64_t taps = kernels::TapCount(s.map);
  const std::int64_t blocks = kernels::BlockCount(s.channels);
  const auto gather = kernels::GetSampleTable().gather_blocked;
  return MakeSampleStep<float, G>(
      context, "sample/blocked_f32", s, 6 * static_cast<double>(blocks),
      [=](const StepArgs& args, std::int64_t image, std::int64_t first, std::int64_t count,
          const Scratch<float>& table) {
        const auto* x = static_cast<const float*>(args.inputs[0]);
        auto* y = static_cast<float*>(args.outputs[0]);
        for (std::int64_t b = image * blocks; b < (image + 1) * blocks; ++b) {
          gather(table.offsets, table.weights, taps, count, x + b * s.elements * kernels::kBlock,
                 y + (b * s.samples + first) * kernels::kBlock);
        }
      });
}

template <typename G>
std::unique_ptr<Step> PlanWithGrid(PlanContext& context, const Sampling& s) {
  const DataType type = context.InputType(0);
  if (s.map.mode == SampleMode::kNearest && type != DataType::kFloat32) {
    return DispatchSize(type, [&]<typename E>() { return PlanNearest<E, G>(context, s); });
  }
  if (type == DataType::kFloat64) return PlanWeighted<double, G>(context, s);
  if (UsesBlocked(context, 0)) return PlanBlocked<G>(context, s);
  if (s.map.mode == SampleMode::kNearest) return PlanNearest<std::uint32_t, G>(context, s);
  return PlanWeighted<float, G>(context, s);
}

std::unique_ptr<Step> PlanGridSample(PlanContext& context) {
  const Sampling s = SamplingOf(context);
  return DispatchFloat(context.InputType(1),
                       [&]<typename G>() { return PlanWithGrid<G>(context, s); });
}

}  // namespace

const OpDef& OpGridSample() {
  static const OpDef def{.name = "GridSample",
                         .since = 16,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "align_corners mode padding_mode",
                         .types = "float32, float64; all with mode nearest",
                         .infer = InferGridSample,
                         .plan = PlanGridSample,
                         .batch_wise = AllImages};
  return def;
}

}  // namespace kinglet
