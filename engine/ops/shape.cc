// Operators whose result is known from shapes and constants: Shape, Size, Constant,
// ConstantOfShape, Range.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

std::unique_ptr<Step> MakeCopyOf(const std::string& kernel, const Tensor& value) {
  return MakeStep(kernel, value.size() == 0 ? 0 : 1,
                  [value](const StepArgs& args, std::int64_t, std::int64_t) {
                    std::memcpy(args.outputs[0], value.raw(), value.bytes());
                  });
}

// Dims [start, end) as opset 15 has it: negative counts from the end, then clamped.
Shape ShapeSlice(const NodeContext& context) {
  const Shape& in = context.InputShape(0);
  const auto rank = static_cast<std::int64_t>(in.size());
  const auto clamped = [&](std::int64_t index) {
    return std::clamp<std::int64_t>(index < 0 ? index + rank : index, 0, rank);
  };
  const std::int64_t start = clamped(context.attributes().Int("start", 0));
  const std::int64_t end = clamped(context.attributes().Int("end", rank));
  return Shape(in.begin() + start, in.begin() + std::max(start, end));
}

Tensor ShapeTensor(const NodeContext& context) {
  const Shape dims = ShapeSlice(context);
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(dims.size())}, dims);
}

std::unique_ptr<Step> PlanShape(PlanContext& context) {
  context.DoNotRead(0);
  return MakeCopyOf("reference/shape", ShapeTensor(context));
}

Tensor SizeTensor(const NodeContext& context) {
  return Tensor::From<std::int64_t>({}, {ElementCount(context.InputShape(0))});
}

std::unique_ptr<Step> PlanSize(PlanContext& context) {
  context.DoNotRead(0);
  return MakeCopyOf("reference/size", SizeTensor(context));
}

void CheckConstant(const Node& node, std::vector<std::string>& unsupported) {
  for (const char* name : {"sparse_value", "value_string", "value_strings"}) {
    if (node.attributes.Has(name)) unsupported.push_back("attribute '" + std::string(name) + "'");
  }
}

Tensor ConstantTensor(const NodeContext& context) {
  const Attributes& attributes = context.attributes();
  if (const Tensor* value = attributes.TensorOrNull("value")) return *value;
  if (attributes.Has("value_float")) {
    return Tensor::From<float>({}, {attributes.Float("value_float", 0)});
  }
  if (attributes.Has("value_int")) {
    return Tensor::From<std::int64_t>({}, {attributes.Int("value_int", 0)});
  }
  if (attributes.Has("value_floats")) {
    const auto values = attributes.Floats("value_floats");
    return Tensor::From<float>({static_cast<std::int64_t>(values.size())}, values);
  }
  if (attributes.Has("value_ints")) {
    const auto values = attributes.Ints("value_ints");
    return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
  }
  context.Invalid("a Constant without a value");
}

// The element that ConstantOfShape repeats: float32 zero by default.
Tensor FillElement(const NodeContext& context) {
  const Tensor* value = context.attributes().TensorOrNull("value");
  if (value == nullptr) return Tensor(DataType::kFloat32, {1});
  if (value->size() != 1) {
    context.Invalid("attribute 'value' must hold one element, found shape " +
                    ShapeToString(value->shape()));
  }
  return *value;
}

void InferConstantOfShape(InferContext& context) {
  if (context.InputShape(0).size() != 1) {
    context.Invalid("the shape (input 0) must be a list, found a tensor of rank " +
                    std::to_string(context.InputShape(0).size()));
  }
  context.SetOutput(0, FillElement(context).type(), context.InputInts(0, "the shape"));
}

std::unique_ptr<Step> PlanConstantOfShape(PlanContext& context) {
  context.DoNotRead(0);
  const Tensor element = FillElement(context);
  const std::int64_t count = ElementCount(context.OutputShape(0));
  return DispatchSize(element.type(), [&]<typename T>() {
    T value;
    std::memcpy(&value, element.raw(), sizeof(T));
    return MakeItemStep("reference/fill", count, sizeof(T),
                        [value](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                          T* out = static_cast<T*>(args.outputs[0]);
                          std::fill(out + begin, out + end, value);
                        });
  });
}

template <typename T>
T RangeInput(const NodeContext& context, std::size_t i, const char* what) {
  const Tensor& value = context.DemandedValue(i, what);
  if (value.size() != 1) {
    context.Invalid(std::string(what) + " (input " + std::to_string(i) +
                    ") must be one element, found shape " + ShapeToString(value.shape()));
  }
  return value.data<T>()[0];
}

template <typename T>
std::int64_t RangeCount(const NodeContext& context) {
  const T start = RangeInput<T>(context, 0, "the start");
  const T limit = RangeInput<T>(context, 1, "the limit");
  const T delta = RangeInput<T>(context, 2, "the step");
  if (delta == T{0}) context.Invalid("a step of 0");
  // Exact for every integer below 2^53 in size; a list near that length exceeds the limits anyway.
  const double count = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                                 static_cast<double>(delta));
  if (!std::isfinite(count) || count > 9e15) {
    context.Invalid("the range has no finite number of elements");
  }
  return std::max<std::int64_t>(static_cast<std::int64_t>(count), 0);
}

template <typename T>
T RangeElement(T start, T delta, std::int64_t k) {
  if constexpr (std::is_floating_point_v<T>) return start + static_cast<T>(k) * delta;
  // Modulo 2^64: the element fits T, the product may not.
  const auto product = static_cast<std::uint64_t>(k) * static_cast<std::uint64_t>(delta);
  return static_cast<T>(static_cast<std::uint64_t>(start) + product);
}

template <typename F>
decltype(auto) DispatchRange(const NodeContext& context, F&& f) {
  const DataType type = context.InputType(0);
  CheckSameType(context, 0, 1);
  CheckSameType(context, 0, 2);
  switch (type) {
    case DataType::kInt16:
      return f.template operator()<std::int16_t>();
    case DataType::kInt32:
      return f.template operator()<std::int32_t>();
    case DataType::kInt64:
      return f.template operator()<std::int64_t>();
    default:
      return DispatchFloat(type, f);
  }
}

void InferRange(InferContext& context) {
  const std::int64_t count =
      DispatchRange(context, [&]<typename T>() { return RangeCount<T>(context); });
  context.SetOutput(0, context.InputType(0), {count});
}

std::unique_ptr<Step> PlanRange(PlanContext& context) {
  for (std::size_t i = 0; i < 3; ++i) context.DoNotRead(i);
  return DispatchRange(context, [&]<typename T>() {
    const T start = RangeInput<T>(context, 0, "the start");
    const T delta = RangeInput<T>(context, 2, "the step");
    return MakeItemStep("reference/range", context.OutputShape(0)[0], sizeof(T),
                        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                          T* out = static_cast<T*>(args.outputs[0]);
                          for (std::int64_t k = begin; k < end; ++k) {
                            out[k] = RangeElement(start, delta, k);
                          }
                        });
  });
}

}  // namespace

const OpDef& OpShape() {
  static const OpDef def{
      .name = "Shape",
      .attributes = "start end",
      .types = kAnyType,
      .infer = [](InferContext& context) { context.SetOutputValue(0, ShapeTensor(context)); },
      .plan = PlanShape};
  return def;
}

const OpDef& OpSize() {
  static const OpDef def{
      .name = "Size",
      .types = kAnyType,
      .infer = [](InferContext& context) { context.SetOutputValue(0, SizeTensor(context)); },
      .plan = PlanSize};
  return def;
}

const OpDef& OpConstant() {
  static const OpDef def{
      .name = "Constant",
      .min_inputs = 0,
      .max_inputs = 0,
      .attributes =
          "value value_float value_floats value_int value_ints sparse_value "
          "value_string value_strings",
      .types = kAnyType,
      .check = CheckConstant,
      .infer = [](InferContext& context) { context.SetOutputValue(0, ConstantTensor(context)); },
      .plan =
          [](PlanContext& context) {
            return MakeCopyOf("reference/constant", ConstantTensor(context));
          }};
  return def;
}

const OpDef& OpConstantOfShape() {
  static const OpDef def{.name = "ConstantOfShape",
                         .since = 9,
                         .attributes = "value",
                         .types = kAnyType,
                         .infer = InferConstantOfShape,
                         .plan = PlanConstantOfShape};
  return def;
}

const OpDef& OpRange() {
  static const OpDef def{.name = "Range",
                         .since = 11,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         // What float16 is summed up in: float32 in any case.
                         .attributes = "stash_type",
                         .types = "float32, float64, int16, int32, int64",
                         .infer = InferRange,
                         .plan = PlanRange};
  return def;
}

}  // namespace kinglet
