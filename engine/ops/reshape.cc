// Operators that give a tensor another shape, or pass it on: Reshape, Flatten, Squeeze, Unsqueeze,
// Identity, Dropout.
#include <algorithm>
#include <cstring>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// Output 0 is input 0 under its new shape; the inputs that said which are not read.
std::unique_ptr<Step> PlanAlias(PlanContext& context) {
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    if (context.HasInput(i)) context.DoNotRead(i);
  }
  context.Alias(0, 0);
  return nullptr;
}

// The one size written -1, so that the element count stays `count`.
std::int64_t InferredSize(const InferContext& context, const Shape& target, std::int64_t count) {
  std::int64_t known = 1;
  for (const std::int64_t dim : target) {
    if (dim != -1) known = MultiplySizes(context, known, dim);
  }
  if (known == 0 || count % known != 0) {
    context.Invalid("cannot reshape " + ShapeToString(context.InputShape(0)) + " to " +
                    ShapeToString(target) + ": " + std::to_string(count) +
                    " elements are no multiple of " + std::to_string(known));
  }
  return count / known;
}

void InferReshape(InferContext& context) {
  const Shape& in = context.InputShape(0);
  if (context.InputShape(1).size() != 1) {
    context.Invalid("the shape (input 1) must be a list, found a tensor of rank " +
                    std::to_string(context.InputShape(1).size()));
  }
  Shape out = context.InputInts(1, "the shape");
  const bool allow_zero = context.attributes().Int("allowzero", 0) != 0;
  std::size_t unknown = out.size();
  for (std::size_t k = 0; k < out.size(); ++k) {
    if (out[k] == -1) {
      if (unknown != out.size()) {
        context.Invalid("shape " + ShapeToString(out) + " has more than one -1");
      }
      unknown = k;
    } else if (out[k] < 0) {
      context.Invalid("shape " + ShapeToString(out) + " has a size below -1");
    } else if (out[k] == 0 && !allow_zero) {
      if (k >= in.size()) {
        context.Invalid("shape " + ShapeToString(out) + " copies axis " + std::to_string(k) +
                        " of an input of shape " + ShapeToString(in));
      }
      out[k] = in[k];
    }
  }
  const std::int64_t count = ElementCount(in);
  if (unknown != out.size()) out[unknown] = InferredSize(context, out, count);
  std::int64_t out_count = 1;
  for (const std::int64_t dim : out) out_count = MultiplySizes(context, out_count, dim);
  if (out_count != count) {
    context.Invalid("cannot reshape " + ShapeToString(in) + " (" + std::to_string(count) +
                    " elements) to " + ShapeToString(out) + " (" + std::to_string(out_count) + ")");
  }
  context.SetOutput(0, context.InputType(0), std::move(out));
}

void InferFlatten(InferContext& context) {
  const Shape& in = context.InputShape(0);
  const auto rank = static_cast<std::int64_t>(in.size());
  std::int64_t axis = context.attributes().Int("axis", 1);
  if (axis < -rank || axis > rank) {
    context.Invalid("axis " + std::to_string(axis) + " of a tensor of rank " +
                    std::to_string(rank));
  }
  if (axis < 0) axis += rank;
  const auto split = static_cast<std::size_t>(axis);
  context.SetOutput(0, context.InputType(0),
                    {DimsProduct(in, 0, split), DimsProduct(in, split, in.size())});
}

// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input since.
std::vector<std::int64_t> AxesOf(const InferContext& context) {
  if (context.opset() < 13) return context.attributes().Ints("axes");
  return context.HasInput(1) ? context.InputInts(1, "the axes") : std::vector<std::int64_t>{};
}

void InferSqueeze(InferContext& context) {
  const Shape& in = context.InputShape(0);
  const bool all = context.opset() < 13 ? !context.attributes().Has("axes") : !context.HasInput(1);
  std::vector<bool> drop(in.size());
  for (std::size_t k = 0; k < in.size(); ++k) drop[k] = all && in[k] == 1;
  for (const std::size_t axis : SortedAxes(context, AxesOf(context), in.size())) {
    if (in[axis] != 1) {
      context.Invalid("axis " + std::to_string(axis) + " of shape " + ShapeToString(in) +
                      " has size " + std::to_string(in[axis]) + ", only 1 can be squeezed");
    }
    drop[axis] = true;
  }
  Shape out;
  for (std::size_t k = 0; k < in.size(); ++k) {
    if (!drop[k]) out.push_back(in[k]);
  }
  context.SetOutput(0, context.InputType(0), std::move(out));
}

void InferUnsqueeze(InferContext& context) {
  const Shape& in = context.InputShape(0);
  if (context.opset() < 13 ? !context.attributes().Has("axes") : !context.HasInput(1)) {
    context.Invalid("the axes are missing");
  }
  const std::vector<std::int64_t> axes = AxesOf(context);
  if (in.size() + axes.size() > kMaxRank) {
    context.Unsupported("the output would have rank " + std::to_string(in.size() + axes.size()) +
                        ", at most " + std::to_string(kMaxRank) + " is supported");
  }
  Shape out = in;  // sorted axes: each insertion leaves the earlier ones in place
  for (const std::size_t axis : SortedAxes(context, axes, in.size() + axes.size())) {
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  }
  context.SetOutput(0, context.InputType(0), std::move(out));
}

void InferIdentity(InferContext& context) {
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

// Opset 12 made the ratio and the training mode inputs.
void CheckDropoutInference(const InferContext& context) {
  if (context.opset() < 12 || !context.HasInput(2)) return;
  const Tensor& training = context.DemandedValue(2, "training_mode");
  if (training.type() != DataType::kBool || training.size() != 1) {
    context.Invalid("training_mode (input 2) must be one bool, found " +
                    std::string(DataTypeName(training.type())) + " of shape " +
                    ShapeToString(training.shape()));
  }
  if (!training.data<bool>()[0]) return;
  const float ratio = context.HasInput(1) && context.InputShape(1).empty()
                          ? context.InputFloats(1, "the ratio")[0]
                          : 0.5f;
  if (ratio != 0.0f) context.Unsupported("training mode; only inference is supported");
}

void InferDropout(InferContext& context) {
  CheckDropoutInference(context);
  const DataType type = context.InputType(0);
  context.SetOutput(0, type, context.InputShape(0));
  context.SetOutput(1, context.opset() < 10 ? type : DataType::kBool, context.InputShape(0));
}

// With a mask to write, the node is a step: data copied, every element of the mask one.
std::unique_ptr<Step> PlanDropout(PlanContext& context) {
  if (!context.HasOutput(1)) return PlanAlias(context);
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    if (context.HasInput(i)) context.DoNotRead(i);
  }
  context.AllowInPlace(0, 0);
  const auto count = static_cast<std::size_t>(ElementCount(context.InputShape(0)));
  const std::size_t bytes = count * DataTypeSize(context.InputType(0));
  return DispatchType(context.OutputType(1), [&]<typename T>() {
    return MakeStep("reference/dropout_mask", count == 0 ? 0 : 1,
                    [=](const StepArgs& args, std::int64_t, std::int64_t) {
                      if (args.outputs[0] != nullptr && args.outputs[0] != args.inputs[0]) {
                        std::memcpy(args.outputs[0], args.inputs[0], bytes);
                      }
                      std::fill_n(static_cast<T*>(args.outputs[1]), count, static_cast<T>(1));
                    });
  });
}

}  // namespace

const OpDef& OpReshape() {
  static const OpDef def{.name = "Reshape",
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "allowzero",
                         .types = kAnyType,
                         .infer = InferReshape,
                         .plan = PlanAlias,
                         .batch_wise = EachImageShaped};
  return def;
}

const OpDef& OpFlatten() {
  static const OpDef def{.name = "Flatten",
                         .attributes = "axis",
                         .types = kAnyType,
                         .infer = InferFlatten,
                         .plan = PlanAlias,
                         .batch_wise = EachImageShaped};
  return def;
}

const OpDef& OpSqueeze() {
  static const OpDef def{.name = "Squeeze",
                         .max_inputs = 2,
                         .attributes = "axes",
                         .types = kAnyType,
                         .infer = InferSqueeze,
                         .plan = PlanAlias,
                         .batch_wise = EachImageShaped};
  return def;
}

const OpDef& OpUnsqueeze() {
  static const OpDef def{.name = "Unsqueeze",
                         .max_inputs = 2,
                         .attributes = "axes",
                         .types = kAnyType,
                         .infer = InferUnsqueeze,
                         .plan = PlanAlias,
                         .batch_wise = EachImageShaped};
  return def;
}

const OpDef& OpIdentity() {
  static const OpDef def{.name = "Identity",
                         .types = kAnyType,
                         .infer = InferIdentity,
                         .plan = PlanAlias,
                         .batch_wise = EachImageShaped};
  return def;
}

const OpDef& OpDropout() {
  static const OpDef def{.name = "Dropout",
                         .max_inputs = 3,
                         .max_outputs = 2,
                         .attributes = "ratio seed",
                         .types = kAnyType,
                         .infer = InferDropout,
                         .plan = PlanDropout,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
