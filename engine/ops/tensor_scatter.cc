// TensorScatter: a copy of a cache in which each image's update stands from the image's own place
// on, along one axis.
#include <cstdint>
#include <cstring>
#include <string>

#include "engine/ops/views.h"

namespace kinglet {
namespace {

enum : std::size_t { kCache, kUpdate, kPlaces };

std::size_t WrittenAxis(const NodeContext& context) {
  const std::size_t rank = context.InputShape(kCache).size();
  const std::size_t axis = context.Axis(context.attributes().Int("axis", -2), rank);
  if (axis == 0) context.Invalid("attribute 'axis' names the batch");
  return axis;
}

void InferTensorScatter(InferContext& context) {
  CheckSameType(context, kCache, kUpdate);
  const Shape& cache = context.InputShape(kCache);
  const Shape& update = context.InputShape(kUpdate);
  const std::size_t axis = WrittenAxis(context);
  Shape expected = cache;
  if (update.size() == cache.size() && update[axis] <= cache[axis]) expected[axis] = update[axis];
  if (update != expected) {
    context.Invalid("the update has shape " + ShapeToString(update) +
                    ", expected that of the cache, " + ShapeToString(cache) +
                    ", and at most its size along axis " + std::to_string(axis));
  }
  if (context.HasInput(kPlaces) && (context.InputType(kPlaces) != DataType::kInt64 ||
                                    context.InputShape(kPlaces) != Shape{cache[0]})) {
    context.Invalid("write_indices (input 2) must be " + std::to_string(cache[0]) + " of int64");
  }
  const std::string mode = context.attributes().String("mode", "linear");
  if (mode != "linear" && mode != "circular") {
    context.Invalid("mode '" + mode + "', expected linear or circular");
  }
  context.SetOutput(0, context.InputType(kCache), cache);
}

// Items are what lies before the axis.
std::unique_ptr<Step> PlanTensorScatter(PlanContext& context) {
  const Shape& cache = context.InputShape(kCache);
  const std::size_t axis = WrittenAxis(context);
  const auto size = static_cast<std::int64_t>(DataTypeSize(context.InputType(kCache)));
  const std::int64_t row_bytes = DimsProduct(cache, axis + 1, cache.size()) * size;
  const std::int64_t rows = cache[axis];
  const std::int64_t updated = context.InputShape(kUpdate)[axis];
  const std::int64_t of_image = DimsProduct(cache, 1, axis);
  const bool circular = context.attributes().String("mode", "linear") == "circular";
  const bool has_places = context.HasInput(kPlaces);
  context.AllowInPlace(0, kCache);
  return MakeItemStep(
      "reference/tensor_scatter", rows * row_bytes == 0 ? 0 : cache[0] * of_image,
      2 * rows * row_bytes, [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t image = item / of_image;
          const std::int64_t place =
              has_places ? static_cast<const std::int64_t*>(args.inputs[kPlaces])[image] : 0;
          if (place < 0 || (!circular && place > rows - updated)) {
            args.status->Fail("write_indices[%lld] is %lld, %lld of %lld rows are to be written",
                              static_cast<long long>(image), static_cast<long long>(place),
                              static_cast<long long>(updated), static_cast<long long>(rows));
            return;
          }
          const auto* from =
              static_cast<const std::byte*>(args.inputs[kCache]) + item * rows * row_bytes;
          const auto* update =
              static_cast<const std::byte*>(args.inputs[kUpdate]) + item * updated * row_bytes;
          auto* to = static_cast<std::byte*>(args.outputs[0]) + item * rows * row_bytes;
          const auto row = static_cast<std::size_t>(row_bytes);
          if (from != to) std::memcpy(to, from, static_cast<std::size_t>(rows) * row);
          for (std::int64_t i = 0; i < updated; ++i) {
            std::memcpy(to + (place % rows + i) % rows * row_bytes, update + i * row_bytes, row);
          }
        }
      });
}

bool TensorScatterBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return inputs[kCache] == BatchUse::kImages && inputs[kUpdate] == BatchUse::kImages &&
         (!context.HasInput(kPlaces) || inputs[kPlaces] == BatchUse::kImages);
}

}  // namespace

const OpDef& OpTensorScatter() {
  static const OpDef op{.name = "TensorScatter",
                        .since = 24,
                        .min_inputs = 2,
                        .max_inputs = 3,
                        .attributes = "axis mode",
                        .types = kAnyType,
                        .infer = InferTensorScatter,
                        .plan = PlanTensorScatter,
                        .batch_wise = TensorScatterBatchWise};
  return op;
}

}  // namespace kinglet
