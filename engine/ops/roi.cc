// RoiAlign and MaxRoiPool: regions of feature maps as maps of one size.
#include <algorithm>
#include <cinttypes>
#include <cmath>

#include "engine/ops/indices.h"
#include "engine/ops/views.h"
#include "kernels/roi/roi_align.h"

namespace kinglet {
namespace {

constexpr std::int64_t kMostSamples = 4096;

// The maps {N, C, H, W}, none of them without pixels.
const Shape& CheckMaps(const NodeContext& context) {
  const Shape& maps = context.InputShape(0);
  if (maps.size() != 4) context.Invalid("expected maps {N, C, H, W}, found " + ShapeToString(maps));
  if (context.InputType(0) != DataType::kFloat32) {
    context.Unsupported(std::string("element type ") + DataTypeName(context.InputType(0)) +
                        "; only float32 is supported");
  }
  CheckSameType(context, 0, 1);
  return maps;
}

// Regions {R, `width`}.
std::int64_t CheckRegions(const NodeContext& context, std::int64_t width) {
  const Shape& regions = context.InputShape(1);
  if (regions.size() != 2 || regions[1] != width) {
    context.Invalid("expected regions {R, " + std::to_string(width) + "} (input 1), found " +
                    ShapeToString(regions));
  }
  const Shape& maps = context.InputShape(0);
  if (regions[0] > 0 && maps[0] * maps[2] * maps[3] == 0) {
    context.Invalid("there are regions of empty maps " + ShapeToString(maps));
  }
  return regions[0];
}

// Before version 16 there was no shift of half a pixel.
bool HalfPixel(const NodeContext& context) {
  if (context.opset() < 16) return false;
  const std::string mode =
      context.attributes().String("coordinate_transformation_mode", "half_pixel");
  if (mode != "half_pixel" && mode != "output_half_pixel") {
    context.Invalid("coordinate_transformation_mode is \"" + mode +
                    "\", expected half_pixel or output_half_pixel");
  }
  return mode == "half_pixel";
}

kernels::RoiAlign AlignOf(const NodeContext& context) {
  const Shape& maps = CheckMaps(context);
  const Attributes& attributes = context.attributes();
  const std::string mode = attributes.String("mode", "avg");
  if (mode != "avg" && mode != "max") {
    context.Invalid("mode is \"" + mode + "\", expected avg or max");
  }
  kernels::RoiAlign p{};
  p.images = maps[0];
  p.channels = maps[1];
  p.height = maps[2];
  p.width = maps[3];
  p.regions = CheckRegions(context, 4);
  p.bins_h = attributes.Int("output_height", 1);
  p.bins_w = attributes.Int("output_width", 1);
  p.samples = attributes.Int("sampling_ratio", 0);
  p.scale = attributes.Float("spatial_scale", 1.0f);
  p.half_pixel = HalfPixel(context);
  p.maximum = mode == "max";
  if (p.bins_h < 1 || p.bins_w < 1)
    context.Invalid("output_height and output_width must be above 0");
  if (p.samples < 0) context.Invalid("sampling_ratio must be at least 0");
  if (p.samples > kMostSamples) {
    context.Unsupported("sampling_ratio above " + std::to_string(kMostSamples));
  }
  return p;
}

void InferRoiAlign(InferContext& context) {
  const kernels::RoiAlign p = AlignOf(context);
  CheckIndexType(context, 2);
  if (context.InputShape(2) != Shape{p.regions}) {
    context.Invalid("expected the image of each of " + std::to_string(p.regions) +
                    " regions (input 2), found shape " + ShapeToString(context.InputShape(2)));
  }
  context.SetOutput(0, DataType::kFloat32, {p.regions, p.channels, p.bins_h, p.bins_w});
}

// Reports a region that is of no image.
template <typename Index>
bool ImagesAreRight(const Index* images, std::int64_t regions, std::int64_t count,
                    RunStatus& status) {
  for (std::int64_t r = 0; r < regions; ++r) {
    if (images[r] >= 0 && images[r] < count) continue;
    status.Fail("region %" PRId64 " is of image %" PRId64 ", there are %" PRId64, r,
                std::int64_t{images[r]}, count);
    return false;
  }
  return true;
}

template <typename Index>
std::unique_ptr<Step> MakeRoiAlign(const kernels::RoiAlign& p, kernels::RoiAlignFn<Index> run) {
  auto step = MakeStep("roi/align_f32", UnitCount(p),
                       [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                         const auto* images = static_cast<const Index*>(args.inputs[2]);
                         if (!ImagesAreRight(images, p.regions, p.images, *args.status)) return;
                         run(p, static_cast<const float*>(args.inputs[0]),
                             static_cast<const float*>(args.inputs[1]), images,
                             static_cast<float*>(args.outputs[0]), args.scratch, begin, end);
                       });
  step->scratch_bytes = RoiAlignScratchBytes(p);
  step->single_units = true;
  return step;
}

std::unique_ptr<Step> PlanRoiAlign(PlanContext& context) {
  const kernels::RoiAlign p = AlignOf(context);
  const kernels::RoiAlignTable& table = kernels::GetRoiAlignTable();
  return context.InputType(2) == DataType::kInt32 ? MakeRoiAlign<std::int32_t>(p, table.index32)
                                                  : MakeRoiAlign<std::int64_t>(p, table.index64);
}

struct MaxRoi {
  std::int64_t images, channels, height, width, regions, bins_h, bins_w;
  float scale;
};

MaxRoi MaxRoiOf(const NodeContext& context) {
  const Shape& maps = CheckMaps(context);
  const auto pooled = context.attributes().Ints("pooled_shape");
  if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1) {
    context.Invalid("pooled_shape must be two sizes above 0");
  }
  return {maps[0],
          maps[1],
          maps[2],
          maps[3],
          CheckRegions(context, 5),
          pooled[0],
          pooled[1],
          context.attributes().Float("spatial_scale", 1.0f)};
}

void InferMaxRoiPool(InferContext& context) {
  const MaxRoi p = MaxRoiOf(context);
  context.SetOutput(0, DataType::kFloat32, {p.regions, p.channels, p.bins_h, p.bins_w});
}

// Pixels [begin, end) of a bin along an axis.
struct PixelRange {
  std::int64_t begin, end;
};

// The region's pixels, both ends included, cut into bins that may overlap by one.
PixelRange BinRange(float low, float high, std::int64_t bin, std::int64_t bins, std::int64_t size) {
  const float first = std::round(low), last = std::round(high);
  // In float32, whose roundings say where bins end.
  const float length = std::max(last - first + 1, 1.0f) / static_cast<float>(bins);
  const auto clamp = [size](float x) {  // NaN becomes 0
    return static_cast<std::int64_t>(std::max(0.0f, std::min(x, static_cast<float>(size))));
  };
  return {clamp(std::floor(static_cast<float>(bin) * length) + first),
          clamp(std::ceil(static_cast<float>(bin + 1) * length) + first)};
}

// One channel of one region.
void MaxRoiBins(const MaxRoi& p, const float* region, const float* map, float* out) {
  for (std::int64_t y = 0; y < p.bins_h; ++y) {
    const PixelRange rows =
        BinRange(region[2] * p.scale, region[4] * p.scale, y, p.bins_h, p.height);
    for (std::int64_t x = 0; x < p.bins_w; ++x) {
      const PixelRange columns =
          BinRange(region[1] * p.scale, region[3] * p.scale, x, p.bins_w, p.width);
      const bool empty = rows.begin >= rows.end || columns.begin >= columns.end;
      float best = empty ? 0 : map[rows.begin * p.width + columns.begin];
      for (std::int64_t i = rows.begin; i < rows.end; ++i) {
        for (std::int64_t j = columns.begin; j < columns.end; ++j) {
          best = std::max(best, map[i * p.width + j]);
        }
      }
      *out++ = best;
    }
  }
}

std::unique_ptr<Step> PlanMaxRoiPool(PlanContext& context) {
  const MaxRoi p = MaxRoiOf(context);
  const std::int64_t bins = p.bins_h * p.bins_w;
  return MakeItemStep(
      "reference/max_roi_pool", p.regions * p.channels, bins * 64,
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const auto* regions = static_cast<const float*>(args.inputs[1]);
        for (std::int64_t k = begin; k < end; ++k) {
          const float* region = regions + k / p.channels * 5;
          if (!(region[0] >= 0 && region[0] < static_cast<float>(p.images))) {
            args.status->Fail("region %" PRId64 " is of image %g, there are %" PRId64,
                              k / p.channels, static_cast<double>(region[0]), p.images);
            return;
          }
          const auto image = static_cast<std::int64_t>(region[0]);
          const float* map = static_cast<const float*>(args.inputs[0]) +
                             (image * p.channels + k % p.channels) * p.height * p.width;
          MaxRoiBins(p, region, map, static_cast<float*>(args.outputs[0]) + k * bins);
        }
      });
}

}  // namespace

const OpDef& OpRoiAlign() {
  static const OpDef def{.name = "RoiAlign",
                         .since = 10,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         .attributes =
                             "coordinate_transformation_mode mode output_height "
                             "output_width sampling_ratio spatial_scale",
                         .types = "float32",
                         .infer = InferRoiAlign,
                         .plan = PlanRoiAlign};
  return def;
}

const OpDef& OpMaxRoiPool() {
  static const OpDef def{.name = "MaxRoiPool",
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "pooled_shape spatial_scale",
                         .types = "float32",
                         .infer = InferMaxRoiPool,
                         .plan = PlanMaxRoiPool};
  return def;
}

}  // namespace kinglet
