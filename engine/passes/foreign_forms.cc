#include "engine/passes/foreign_forms.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/contrib.h"
#include "engine/passes/match.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

// alpha x + beta.
void FormAffine(FormWriter& to, Node& node) {
  const ValueId beta = to.Scalar(node, node.attributes.Float("beta", 0.0f));
  const ValueId alpha = to.Scalar(node, node.attributes.Float("alpha", 1.0f));
  to.Become(node, "Add", {to.Emit(node, "Mul", {node.inputs[0], alpha}), beta});
}

void FormScale(FormWriter& to, Node& node) {
  const ValueId scale = to.Scalar(node, node.attributes.Float("scale", 1.0f));
  to.Become(node, "Mul", {node.inputs[0], scale});
}

// alpha f(beta x).
void FormScaled(FormWriter& to, Node& node) {
  const std::string function = node.op == "ScaledTanh" ? "Tanh" : "Softplus";
  const ValueId alpha = to.Scalar(node, node.attributes.Float("alpha", 1.0f));
  const ValueId beta = to.Scalar(node, node.attributes.Float("beta", 1.0f));
  const ValueId inner = to.Emit(node, "Mul", {node.inputs[0], beta});
  to.Become(node, "Mul", {to.Emit(node, function, {inner}), alpha});
}

// x scale + bias of the channel.
void FormImageScaler(FormWriter& to, Node& node) {
  const std::vector<float> bias = node.attributes.Floats("bias");
  const ValueId scale = to.Scalar(node, node.attributes.Float("scale", 1.0f));
  if (bias.empty()) {
    to.Become(node, "Mul", {node.inputs[0], scale});
    return;
  }
  const Shape shape{static_cast<std::int64_t>(bias.size()), 1, 1};
  const ValueId shift = to.Constant(node, Tensor::From<float>(shape, bias));
  to.Become(node, "Add", {to.Emit(node, "Mul", {node.inputs[0], scale}), shift});
}

// Widths cut off at the left, the top, the right and the bottom; with `scale` what is left is
// that high and wide.
void FormCrop(FormWriter& to, Node& node) {
  const Ints border = node.attributes.Ints("border");
  const Ints scale = node.attributes.Ints("scale");
  const auto fits = [](std::int64_t v) { return v >= 0 && v < (std::int64_t{1} << 40); };
  if (border.size() != 4 || !(scale.empty() || scale.size() == 2) ||
      !std::all_of(border.begin(), border.end(), fits) ||
      !std::all_of(scale.begin(), scale.end(), fits)) {
    to.Invalid(node, "'border' must have four values and 'scale' none or two, none negative");
  }
  const Ints starts{border[1], border[0]};
  const auto cut = [](std::int64_t width) {
    return width == 0 ? std::numeric_limits<std::int64_t>::max() : -width;
  };
  const Ints ends = scale.empty() ? Ints{cut(border[3]), cut(border[2])}
                                  : Ints{starts[0] + scale[0], starts[1] + scale[1]};
  to.Become(node, "Slice", {node.inputs[0]});
  if (node.opset < 10) {
    node.attributes.Set("starts", starts);
    node.attributes.Set("ends", ends);
    node.attributes.Set("axes", Ints{2, 3});
    return;
  }
  for (const Ints& values : {starts, ends, Ints{2, 3}}) {
    node.inputs.push_back(to.Constant(node, IntsTensor(values)));
  }
}

void FormConstantFill(FormWriter& to, Node& node) {
  const bool has_input = node.input(0) != kNoValue;
  const bool as_shape = node.attributes.Int("input_as_shape", 0) != 0;
  const std::int64_t type = node.attributes.Int("dtype", 1);
  if (type != 1) {
    throw Error(ErrorCode::kUnsupported,
                NodeLabel(node) + ": element type " + std::to_string(type));
  }
  const Ints extra = node.attributes.Ints("extra_shape");
  Tensor value = Tensor::From<float>({1}, {node.attributes.Float("value", 0.0f)});
  ValueId shape = kNoValue;
  if (!has_input) {
    shape = to.Constant(node, IntsTensor(node.attributes.Ints("shape")));
  } else {
    shape = as_shape ? node.inputs[0] : to.Emit(node, "Shape", {node.inputs[0]});
  }
  if (!extra.empty()) {
    Attributes axis;
    axis.Set("axis", std::int64_t{0});
    const ValueId more = to.Constant(node, IntsTensor(extra));
    shape = to.Emit(node, "Concat", {shape, more}, std::move(axis));
  }
  to.Become(node, "ConstantOfShape", {shape});
  node.attributes.Set("value", std::move(value));
}

// A, B, b_scale, b_zero_point, bias.
void FormDynamicMatMul(FormWriter& to, Node& node) {
  if (node.inputs.size() < 3) return;
  const std::vector<ValueId> quantized =
      to.Emit(node, "DynamicQuantizeLinear", {node.inputs[0]}, 3, {}, to.onnx_opset());
  to.Become(node, "MatMulIntegerToFloat",
            {quantized[0], node.inputs[1], quantized[1], node.inputs[2], quantized[2],
             node.input(3), node.input(4)});
}

// The same as ONNX's, which had fewer element types for long.
void FormQuantize(FormWriter& to, Node& node) {
  node.domain.clear();
  node.opset = to.onnx_opset();
}

struct ForeignForm {
  std::string_view domain, op;
  ForeignFormFn replace;
};
constexpr ForeignForm kForeignForms[] = {
    // Experimental, and never part of a version that says so.
    {"", "Affine", FormAffine},
    {"", "ConstantFill", FormConstantFill},
    {"", "Crop", FormCrop},
    {"", "ImageScaler", FormImageScaler},
    {"", "ParametricSoftplus", FormScaled},
    {"", "Scale", FormScale},
    {"", "ScaledTanh", FormScaled},
    {kContribDomain, "DequantizeLinear", FormQuantize},
    {kContribDomain, "DynamicQuantizeMatMul", FormDynamicMatMul},
    {kContribDomain, "QuantizeLinear", FormQuantize},
};

}  // namespace

ForeignFormFn FindForeignForm(const Node& node) {
  for (const ForeignForm& form : kForeignForms) {
    if (form.op == node.op && form.domain == node.domain) return form.replace;
  }
  return nullptr;
}

}  // namespace kinglet
