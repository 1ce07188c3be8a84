// QuantizeLinear and DequantizeLinear, exactly as ONNX defines them.
//
//   y = saturate(round(x / scale) + zero_point), halves to even
//   y = (x - zero_point) * scale
//
// with one scale for the tensor, one for each index of an axis, or (opset 21) one for each block of
// an axis.
#include <algorithm>
#include <limits>
#include <optional>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/element_types.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/quantized.h"
#include "engine/ops/views.h"
#include "kernels/common/blocked.h"
#include "kernels/quantize/quantize.h"

namespace kinglet {
namespace {

constexpr std::size_t kData = 0, kScale = 1, kZeroPoint = 2;

// x is [outer][size][inner]. Scales are [1], [size], or [outer][ceil(size / block)][inner].
struct Geometry {
  enum class Kind { kTensor, kAxis, kBlocks } kind = Kind::kTensor;
  std::int64_t outer = 1, size = 1, inner = 1;
  std::int64_t block = 0;
};

Geometry GeometryOf(const NodeContext& context) {
  const Shape& in = context.InputShape(kData);
  const Shape& scale = context.InputShape(kScale);
  Geometry g;
  g.inner = ElementCount(in);
  const std::int64_t block = context.attributes().Int("block_size", 0);
  if (block < 0) context.Invalid("a negative block_size, " + std::to_string(block));
  const bool one = scale.size() <= 1 && ElementCount(scale) == 1;
  if (block == 0 && one) return g;
  const std::size_t axis = context.Axis(context.attributes().Int("axis", 1), in.size());
  g.kind = block == 0 ? Geometry::Kind::kAxis : Geometry::Kind::kBlocks;
  g.outer = DimsProduct(in, 0, axis);
  g.size = in[axis];
  g.inner = DimsProduct(in, axis + 1, in.size());
  g.block = block;
  Shape expected{g.size};
  if (block > 0) {
    expected = in;
    expected[axis] = g.size / block + (g.size % block != 0 ? 1 : 0);
  }
  if (scale != expected) {
    context.Invalid("the scale (input 1) has shape " + ShapeToString(scale) + ", expected " +
                    ShapeToString(expected) + " for an input of shape " + ShapeToString(in) +
                    " and axis " + std::to_string(axis));
  }
  return g;
}

void CheckScale(const NodeContext& context) {
  if (context.InputType(kScale) != DataType::kFloat32) {
    context.Invalid(std::string("the scale (input 1) must be float32, found ") +
                    DataTypeName(context.InputType(kScale)));
  }
  if (!context.HasInput(kZeroPoint)) return;
  const Shape& scale = context.InputShape(kScale);
  const Shape& zero = context.InputShape(kZeroPoint);
  const bool both_one = ElementCount(scale) == 1 && ElementCount(zero) == 1;
  if (scale != zero && !both_one) {
    context.Invalid("the zero point has shape " + ShapeToString(zero) + ", the scale " +
                    ShapeToString(scale));
  }
}

// Calls run(item range [from, to) of x, index of the first scale, step between scales) for pieces
// of the elements that have one scale or consecutive ones.
template <typename Run>
void ForPieces(const Geometry& g, std::int64_t begin, std::int64_t end, Run&& run) {
  switch (g.kind) {
    case Geometry::Kind::kTensor:
      run(begin, end, 0, 0);
      return;
    case Geometry::Kind::kAxis:
      for (std::int64_t at = begin; at < end;) {
        // Along the last axis neighbours have neighbouring scales; before it they share one.
        const std::int64_t period = g.inner == 1 ? g.size : g.inner;
        const std::int64_t next = std::min(end, (at / period + 1) * period);
        const std::int64_t scale = g.inner == 1 ? at % g.size : at / g.inner % g.size;
        run(at, next, scale, g.inner == 1 ? 1 : 0);
        at = next;
      }
      return;
    case Geometry::Kind::kBlocks:
      for (std::int64_t at = begin; at < end;) {
        const std::int64_t row = at / g.inner;  // outer * size
        const std::int64_t next = std::min(end, (row + 1) * g.inner);
        const std::int64_t blocks = CeilDiv(g.size, g.block);
        const std::int64_t scale_row = row / g.size * blocks + row % g.size / g.block;
        run(at, next, scale_row * g.inner + at % g.inner, 1);
        at = next;
      }
      return;
  }
}

template <typename To>
To Quantize(float x, float scale, float zero) {
  constexpr float kFar = 1 << 20;  // beyond all zero points and values; NaN lands low
  const float rounded = RoundToEven(std::min(kFar, std::max(-kFar, x / scale)));
  constexpr auto kLow = static_cast<float>(std::numeric_limits<To>::lowest());
  constexpr auto kHigh = static_cast<float>(std::numeric_limits<To>::max());
  return static_cast<To>(
      static_cast<std::int32_t>(std::max(kLow, std::min(kHigh, rounded + zero))));
}

template <typename From, typename To>
std::unique_ptr<Step> MakeQuantize(const Geometry& g, bool has_zero) {
  const std::int64_t count = g.outer * g.size * g.inner;
  return MakeItemStep(
      "reference/quantize_linear", count, sizeof(From) + sizeof(To),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const From* x = static_cast<const From*>(args.inputs[kData]);
        const float* scales = static_cast<const float*>(args.inputs[kScale]);
        const To* zeros = has_zero ? static_cast<const To*>(args.inputs[kZeroPoint]) : nullptr;
        To* y = static_cast<To*>(args.outputs[0]);
        ForPieces(g, begin, end,
                  [&](std::int64_t from, std::int64_t to, std::int64_t first, std::int64_t step) {
                    if (step == 0) {
                      const float scale = scales[first];
                      const float zero = has_zero ? static_cast<float>(zeros[first]) : 0.0f;
                      for (std::int64_t k = from; k < to; ++k) {
                        y[k] = Quantize<To>(static_cast<float>(x[k]), scale, zero);
                      }
                      return;
                    }
                    for (std::int64_t k = from; k < to; ++k, ++first) {
                      const float zero = has_zero ? static_cast<float>(zeros[first]) : 0.0f;
                      y[k] = Quantize<To>(static_cast<float>(x[k]), scales[first], zero);
                    }
                  });
      });
}

template <typename From>
std::unique_ptr<Step> MakeDequantize(const Geometry& g, bool has_zero) {
  const std::int64_t count = g.outer * g.size * g.inner;
  // What x - zero_point fits into: int64 for int32, so that nothing overflows.
  using Wide = std::conditional_t<sizeof(From) == 4, std::int64_t, std::int32_t>;
  return MakeItemStep(
      "reference/dequantize_linear", count, sizeof(From) + sizeof(float),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const From* x = static_cast<const From*>(args.inputs[kData]);
        const float* scales = static_cast<const float*>(args.inputs[kScale]);
        const From* zeros = has_zero ? static_cast<const From*>(args.inputs[kZeroPoint]) : nullptr;
        float* y = static_cast<float*>(args.outputs[0]);
        ForPieces(g, begin, end,
                  [&](std::int64_t from, std::int64_t to, std::int64_t first, std::int64_t step) {
                    if (step == 0) {
                      const float scale = scales[first];
                      const Wide zero = has_zero ? static_cast<Wide>(zeros[first]) : Wide{0};
                      for (std::int64_t k = from; k < to; ++k) {
                        y[k] = static_cast<float>(static_cast<Wide>(x[k]) - zero) * scale;
                      }
                      return;
                    }
                    for (std::int64_t k = from; k < to; ++k, ++first) {
                      const Wide zero = has_zero ? static_cast<Wide>(zeros[first]) : Wide{0};
                      y[k] = static_cast<float>(static_cast<Wide>(x[k]) - zero) * scales[first];
                    }
                  });
      });
}

// The kernels' form of scales and zero points that are known before running; kept by the step.
struct KnownScales {
  std::int64_t outer = 1, axis = 1, inner = 1;
  std::vector<float> scales;
  std::vector<std::int32_t> zeros;

  kernels::Quantization view() const { return {outer, axis, inner, scales.data(), zeros.data()}; }
};

std::optional<KnownScales> KnownScalesOf(PlanContext& context, const Geometry& g) {
  const Tensor* scale = context.InputValue(kScale);
  const Tensor* zero = context.InputValue(kZeroPoint);
  if (g.kind == Geometry::Kind::kBlocks || scale == nullptr) return std::nullopt;
  if (context.HasInput(kZeroPoint) && zero == nullptr) return std::nullopt;
  KnownScales known{g.outer, g.size, g.inner, {}, {}};
  known.scales.assign(scale->data<float>(), scale->data<float>() + scale->size());
  known.zeros.resize(known.scales.size());
  context.DoNotRead(kScale);
  if (zero == nullptr) return known;
  context.DoNotRead(kZeroPoint);
  DispatchInteger(zero->type(), [&]<typename T>() {
    std::copy(zero->data<T>(), zero->data<T>() + zero->size(), known.zeros.begin());
  });
  return known;
}

template <typename From, typename To>
std::unique_ptr<Step> MakeKernelStep(std::string kernel, KnownScales known,
                                     kernels::QuantizeFn<From, To> run) {
  const std::int64_t units = UnitCount(known.view());
  return MakeStep(
      std::move(kernel), units,
      [run, known = std::move(known)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        run(known.view(), static_cast<const From*>(args.inputs[kData]),
            static_cast<To*>(args.outputs[0]), begin, end);
      });
}

// Eight bits with known scales; null for the rest.
std::unique_ptr<Step> PlanKernel(PlanContext& context, const Geometry& g) {
  const DataType from = context.InputType(kData);
  const DataType to = context.OutputType(0);
  const bool eight_bits = to == DataType::kUInt8 || to == DataType::kInt8;
  const bool quantize = from == DataType::kFloat32 && eight_bits;
  const bool dequantize =
      to == DataType::kFloat32 && (from == DataType::kUInt8 || from == DataType::kInt8);
  if (!quantize && !dequantize) return nullptr;
  std::optional<KnownScales> known = KnownScalesOf(context, g);
  if (!known) return nullptr;
  const kernels::QuantizeTable& table = kernels::GetQuantizeTable();
  if (to == DataType::kUInt8) {
    return MakeKernelStep("quantize/uint8", std::move(*known), table.to_uint8);
  }
  if (to == DataType::kInt8) {
    return MakeKernelStep("quantize/int8", std::move(*known), table.to_int8);
  }
  if (from == DataType::kUInt8) {
    return MakeKernelStep("quantize/from_uint8", std::move(*known), table.from_uint8);
  }
  return MakeKernelStep("quantize/from_int8", std::move(*known), table.from_int8);
}

// Images in blocks, one scale and zero point for all or for each channel: each block of 64 codes
// beside its blocks of float32.
class CodeBlocks {
 public:
  CodeBlocks(const Shape& shape, const KnownScales& known)
      : codes_(kernels::BlockCount(shape[1], kLanes)),
        floats_(kernels::BlockCount(shape[1])),
        pixels_(shape[2] * shape[3]),
        images_(shape[0]),
        scales_(static_cast<std::size_t>(codes_ * kLanes), 1.0f),
        zeros_(static_cast<std::size_t>(codes_ * kLanes), 0) {
    for (std::int64_t c = 0; c < shape[1]; ++c) {
      const auto at = static_cast<std::size_t>(c);
      const std::size_t from = known.scales.size() == 1 ? 0 : at;
      scales_[at] = known.scales[from];
      zeros_[at] = known.zeros[from];
    }
  }

  PlaneUnits Units() const { return PlaneUnits(images_ * codes_, pixels_ * kLanes, kLanes); }

  // Calls f(scales, zero points, codes, blocks of float32, their number, pixels) for the units
  // [begin, end). Strides: elements from one image to the next, 0 where they are dense.
  template <typename Code, typename Float, typename F>
  void For(const PlaneUnits& units, std::int64_t begin, std::int64_t end, Code* codes,
           std::int64_t code_stride, Float* floats, std::int64_t float_stride, const F& f) const {
    const std::int64_t code_image = code_stride > 0 ? code_stride : codes_ * pixels_ * kLanes;
    const std::int64_t float_image =
        float_stride > 0 ? float_stride : floats_ * pixels_ * kernels::kBlock;
    units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t count) {
      const std::int64_t image = plane / codes_;
      const std::int64_t block = plane % codes_;
      const std::int64_t pixel = first / kLanes;
      Float* parts[kParts];
      const std::int64_t part_count = std::min(kParts, floats_ - block * kParts);
      for (std::int64_t k = 0; k < part_count; ++k) {
        parts[k] = floats + image * float_image +
                   ((block * kParts + k) * pixels_ + pixel) * kernels::kBlock;
      }
      f(scales_.data() + block * kLanes, zeros_.data() + block * kLanes,
        codes + image * code_image + block * pixels_ * kLanes + first, parts,
        static_cast<std::size_t>(part_count), static_cast<std::size_t>(count / kLanes));
    });
  }

 private:
  static constexpr std::int64_t kLanes = kernels::PixelBlock(ElementType::kUInt8);
  static constexpr std::int64_t kParts = kLanes / kernels::kBlock;
  std::int64_t codes_, floats_;  // blocks of an image
  std::int64_t pixels_, images_;
  std::vector<float> scales_;
  std::vector<std::int32_t> zeros_;
};

// The step between blocks of float32 and of uint8; null for the rest.
std::unique_ptr<Step> PlanBlocks(PlanContext& context, const Geometry& g) {
  const Shape& shape = context.OutputShape(0);
  const bool quantize = context.OutputType(0) == DataType::kUInt8;
  if (shape.size() != 4 || ElementCount(shape) == 0 || context.IsKnown(kData)) return nullptr;
  if (!context.IsBlocked(kData)) return nullptr;
  const DataType from = quantize ? DataType::kFloat32 : DataType::kUInt8;
  if (context.InputType(kData) != from) return nullptr;
  // Pixels of one are read by dense layers, which want them plain.
  if (!quantize && shape[2] * shape[3] == 1) return nullptr;
  const bool channels = g.kind == Geometry::Kind::kAxis && g.outer == shape[0] &&
                        g.size == shape[1] && g.inner == shape[2] * shape[3];
  if (g.kind != Geometry::Kind::kTensor && !channels) return nullptr;
  const std::optional<KnownScales> known = KnownScalesOf(context, g);
  if (!known) return nullptr;
  context.ReadAs(kData, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const std::int64_t stride = context.OutputStride(0);
  const kernels::QuantizeTable& table = kernels::GetQuantizeTable();
  CodeBlocks blocks(shape, *known);
  const PlaneUnits units = blocks.Units();
  if (quantize) {
    return MakeStep("quantize/uint8_blocked", units.count(),
                    [=, run = table.to_code_block, blocks = std::move(blocks)](
                        const StepArgs& args, std::int64_t begin, std::int64_t end) {
                      blocks.For(
                          units, begin, end, static_cast<std::uint8_t*>(args.outputs[0]), stride,
                          static_cast<const float*>(args.inputs[kData]), 0,
                          [&](const float* scales, const std::int32_t* zeros, std::uint8_t* y,
                              const float* const* x, std::size_t parts,
                              std::size_t pixels) { run(scales, zeros, x, parts, y, pixels); });
                    });
  }
  return MakeStep("quantize/from_uint8_blocked", units.count(),
                  [=, run = table.from_code_block, blocks = std::move(blocks)](
                      const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    blocks.For(
                        units, begin, end, static_cast<const std::uint8_t*>(args.inputs[kData]), 0,
                        static_cast<float*>(args.outputs[0]), stride,
                        [&](const float* scales, const std::int32_t* zeros, const std::uint8_t* x,
                            float* const* y, std::size_t parts,
                            std::size_t pixels) { run(scales, zeros, x, y, parts, pixels); });
                  });
}

// 8 bits; 16 since opset 21.
template <typename F>
decltype(auto) DispatchQuantized(DataType type, F&& f) {
  switch (type) {
    case DataType::kUInt8:
      return f.template operator()<std::uint8_t>();
    case DataType::kInt8:
      return f.template operator()<std::int8_t>();
    case DataType::kUInt16:
      return f.template operator()<std::uint16_t>();
    case DataType::kInt16:
      return f.template operator()<std::int16_t>();
    default:
      ThrowElementType(type);
  }
}

void CheckQuantize(const Node& node, std::vector<std::string>& unsupported) {
  CheckElementTypeAttribute(node, "output_dtype", unsupported);
}

// A float type that an attribute asks for (opset 23): what is narrower than float32 is computed as
// float32 in any case.
void RequireFloatAttribute(const NodeContext& context, std::string_view name) {
  switch (ElementTypeAttribute(context, name, DataType::kFloat32)) {
    case DataType::kFloat32:
    case DataType::kFloat16:
    case DataType::kBFloat16:
      return;
    default:
      context.Invalid("attribute '" + std::string(name) + "' must be float32, float16 or bfloat16");
  }
}

void InferQuantize(InferContext& context) {
  CheckScale(context);
  RequireFloatAttribute(context, "precision");
  GeometryOf(context);
  const DataType named = ElementTypeAttribute(context, "output_dtype", DataType::kUndefined);
  DataType type = named == DataType::kUndefined ? DataType::kUInt8 : named;
  if (context.HasInput(kZeroPoint)) {
    type = context.InputType(kZeroPoint);
    if (named != DataType::kUndefined && named != type) {
      context.Invalid(std::string("'output_dtype' is ") + DataTypeName(named) +
                      ", the zero point is " + DataTypeName(type));
    }
  }
  DispatchQuantized(type, []<typename T>() {});
  context.SetOutput(0, type, context.InputShape(kData));
}

std::unique_ptr<Step> PlanQuantize(PlanContext& context) {
  const Geometry g = GeometryOf(context);
  if (auto step = PlanBlocks(context, g)) return step;
  if (auto step = PlanKernel(context, g)) return step;
  const DataType from = context.InputType(kData);
  return DispatchQuantized(context.OutputType(0), [&]<typename To>() {
    if (from == DataType::kInt32) {
      return MakeQuantize<std::int32_t, To>(g, context.HasInput(kZeroPoint));
    }
    if (from != DataType::kFloat32) ThrowElementType(from);
    return MakeQuantize<float, To>(g, context.HasInput(kZeroPoint));
  });
}

void CheckDequantize(const Node& node, std::vector<std::string>& unsupported) {
  CheckElementTypeAttribute(node, "output_dtype", unsupported);
}

void InferDequantize(InferContext& context) {
  CheckScale(context);
  RequireFloatAttribute(context, "output_dtype");
  GeometryOf(context);
  if (context.HasInput(kZeroPoint)) CheckSameType(context, kData, kZeroPoint);
  context.SetOutput(0, DataType::kFloat32, context.InputShape(kData));
}

std::unique_ptr<Step> PlanDequantize(PlanContext& context) {
  const Geometry g = GeometryOf(context);
  if (auto step = PlanBlocks(context, g)) return step;
  if (auto step = PlanKernel(context, g)) return step;
  const bool has_zero = context.HasInput(kZeroPoint);
  if (context.InputType(kData) == DataType::kInt32) {
    return MakeDequantize<std::int32_t>(g, has_zero);
  }
  return DispatchQuantized(context.InputType(kData),
                           [&]<typename From>() { return MakeDequantize<From>(g, has_zero); });
}

}  // namespace

const OpDef& OpQuantizeLinear() {
  static const OpDef def{.name = "QuantizeLinear",
                         .since = 10,
                         .min_inputs = 2,
                         .max_inputs = 3,
                         .attributes = "axis saturate block_size output_dtype precision",
                         .types = "float32, int32 to int8, uint8, int16, uint16",
                         .check = CheckQuantize,
                         .infer = InferQuantize,
                         .plan = PlanQuantize,
                         .batch_wise = EachImage};
  return def;
}

const OpDef& OpDequantizeLinear() {
  static const OpDef def{.name = "DequantizeLinear",
                         .since = 10,
                         .min_inputs = 2,
                         .max_inputs = 3,
                         .attributes = "axis block_size output_dtype",
                         .types = "int8, uint8, int16, uint16, int32 to float32",
                         .check = CheckDequantize,
                         .infer = InferDequantize,
                         .plan = PlanDequantize,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
