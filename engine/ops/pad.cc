// Pad: rows of a tensor with a border of constants, or of the tensor's own elements; negative
// widths cut off instead, before anything is repeated.
#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/ops/axis_gather.h"
#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

enum class PadMode { kConstant, kReflect, kEdge, kWrap };

struct Pads {
  PadMode mode = PadMode::kConstant;
  std::vector<std::int64_t> begin, end;  // for each axis
};

PadMode ModeOf(const NodeContext& context) {
  const std::string mode = context.attributes().String("mode", "constant");
  if (mode == "constant") return PadMode::kConstant;
  if (mode == "reflect") return PadMode::kReflect;
  if (mode == "edge") return PadMode::kEdge;
  if (mode == "wrap" && context.opset() >= 18) return PadMode::kWrap;  // 19, but for PyTorch
  context.Invalid("attribute 'mode' is '" + mode +
                  "', expected constant, reflect, edge or (since opset 18) wrap");
}

// Attributes before opset 11, inputs since; opset 18 lets them name axes.
Pads PadsOf(const NodeContext& context) {
  const std::size_t rank = context.InputShape(0).size();
  const bool attribute = context.opset() < 11;
  if (attribute ? !context.attributes().Has("pads") : !context.HasInput(1)) {
    context.Invalid("the pads are missing");
  }
  const auto widths =
      attribute ? context.attributes().Ints("pads") : context.InputInts(1, "the pads");
  std::vector<std::size_t> axes;
  if (!attribute && context.HasInput(3)) {
    const auto named = context.InputInts(3, "the axes");
    SortedAxes(context, named, rank);  // each once
    for (const std::int64_t axis : named) axes.push_back(context.Axis(axis, rank));
  } else {
    for (std::size_t k = 0; k < rank; ++k) axes.push_back(k);
  }
  if (widths.size() != 2 * axes.size()) {
    context.Invalid(std::to_string(widths.size()) + " pads for " + std::to_string(axes.size()) +
                    " axes, expected two for each");
  }
  constexpr std::int64_t kWidest = std::int64_t{1} << 60;
  for (const std::int64_t width : widths) {
    if (width < -kWidest || width > kWidest) context.Invalid("a pad of " + std::to_string(width));
  }
  Pads pads{ModeOf(context), std::vector<std::int64_t>(rank), std::vector<std::int64_t>(rank)};
  for (std::size_t k = 0; k < axes.size(); ++k) {
    pads.begin[axes[k]] = widths[k];
    pads.end[axes[k]] = widths[axes.size() + k];
  }
  return pads;
}

// What negative widths leave of axis k.
struct Kept {
  std::int64_t first = 0, size = 0;
};
Kept KeptOf(std::int64_t size, const Pads& pads, std::size_t k) {
  const std::int64_t first = -std::min<std::int64_t>(pads.begin[k], 0);
  return {first, size - first + std::min<std::int64_t>(pads.end[k], 0)};
}

bool PadBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  if (!EachImage(context, inputs) || context.InputShape(0).empty()) return false;
  const Pads pads = PadsOf(context);
  return pads.begin[0] == 0 && pads.end[0] == 0;
}

void InferPad(InferContext& context) {
  const Shape& in = context.InputShape(0);
  const Pads pads = PadsOf(context);
  Shape out;
  for (std::size_t k = 0; k < in.size(); ++k) {
    out.push_back(AddSizes(context, AddSizes(context, in[k], pads.begin[k]), pads.end[k]));
    if (out.back() < 0) {
      context.Invalid("pads " + std::to_string(pads.begin[k]) + " and " +
                      std::to_string(pads.end[k]) + " cut more than axis " + std::to_string(k) +
                      " of size " + std::to_string(in[k]) + " holds");
    }
    if (KeptOf(in[k], pads, k).size <= 0 && out.back() > 0 && pads.mode != PadMode::kConstant) {
      context.Invalid("axis " + std::to_string(k) + " is empty and has nothing to repeat");
    }
  }
  if (context.opset() >= 11 && context.HasInput(2)) CheckSameType(context, 0, 2);
  context.SetOutput(0, context.InputType(0), std::move(out));
}

// Where index `at` of an axis, counted from the first element that is kept, comes from among those;
// -1: from the constant.
std::int64_t SourceIndex(std::int64_t at, std::int64_t size, PadMode mode) {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case PadMode::kConstant:
      return -1;
    case PadMode::kEdge:
      return at < 0 ? 0 : size - 1;
    case PadMode::kWrap:
      return ((at % size) + size) % size;
    case PadMode::kReflect:
      break;
  }
  if (size == 1) return 0;
  const std::int64_t period = 2 * (size - 1);
  const std::int64_t folded = ((at % period) + period) % period;
  return folded < size ? folded : period - folded;
}

AxisGather GatherOf(const Shape& in, const Shape& out, const Pads& pads) {
  AxisGather gather{in, out, {}};
  for (std::size_t k = 0; k < in.size(); ++k) {
    const Kept kept = KeptOf(in[k], pads, k);
    const std::int64_t border = std::max<std::int64_t>(pads.begin[k], 0);
    std::vector<std::int64_t> source;
    for (std::int64_t at = 0; at < out[k]; ++at) {
      const std::int64_t from = SourceIndex(at - border, kept.size, pads.mode);
      source.push_back(from < 0 ? -1 : kept.first + from);
    }
    gather.source.push_back(std::move(source));
  }
  return gather;
}

// The constant: attribute, input, or zero.
template <typename T>
auto ConstantOf(const NodeContext& context) {
  T value{};
  bool read = false;
  if (context.opset() < 11) {
    const float constant = context.attributes().Float("value", 0.0f);
    DispatchFloat(context.InputType(0), [&]<typename F>() {
      const F typed = static_cast<F>(constant);
      if constexpr (sizeof(F) == sizeof(T)) std::memcpy(&value, &typed, sizeof(T));
    });
  } else if (context.HasInput(2)) {
    if (ElementCount(context.InputShape(2)) != 1) {
      context.Invalid("the constant (input 2) must be one element, found shape " +
                      ShapeToString(context.InputShape(2)));
    }
    read = true;
  }
  return [=](const StepArgs& args, std::int64_t) {
    if (!read) return value;
    T input;
    std::memcpy(&input, args.inputs[2], sizeof(T));
    return input;
  };
}

// The border of images, where it is known before running.
std::optional<Tensor> KnownBorder(const NodeContext& context) {
  const DataType type = context.InputType(0);
  if (context.opset() < 11) {
    if (type != DataType::kFloat32) return std::nullopt;
    return Tensor::From<float>({}, {context.attributes().Float("value", 0.0f)});
  }
  if (!context.HasInput(2)) return Tensor(type, {});
  const Tensor* value = context.InputValue(2);
  if (value == nullptr || value->size() != 1) return std::nullopt;
  return *value;
}

// `lanes` channels with this value, and pad lanes.
BlockedPixel PixelOf(const Tensor& value, std::int64_t lanes) {
  BlockedPixel pixel{};
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    std::memcpy(pixel.bytes + static_cast<std::size_t>(lane) * value.bytes(), value.raw(),
                value.bytes());
  }
  return pixel;
}

std::unique_ptr<Step> PlanBlocked(PlanContext& context, const Pads& pads, const Tensor& border) {
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  if (context.HasInput(2)) context.DoNotRead(2);
  const std::int64_t block = kernels::PixelBlock(ElementTypeOf(border.type()));
  Shape in = BlockedShape(context.InputShape(0), block);
  Shape out = BlockedShape(context.OutputShape(0), block);
  in.pop_back();  // the element is a pixel
  out.pop_back();
  const std::int64_t blocks = out[1];
  const std::int64_t height = out[2];
  const BlockedPixel full = PixelOf(border, block);
  const BlockedPixel last = PixelOf(border, context.OutputShape(0)[1] - (blocks - 1) * block);
  return MakeAxisGather<BlockedPixel>(BlockedId("layout/pad_blocked", border.type()),
                                      GatherOf(in, out, pads),
                                      [=](const StepArgs&, std::int64_t row) {
                                        return row / height % blocks == blocks - 1 ? last : full;
                                      });
}

std::unique_ptr<Step> PlanPad(PlanContext& context) {
  const Pads pads = PadsOf(context);
  if (context.HasInput(1)) context.DoNotRead(1);
  if (context.HasInput(3)) context.DoNotRead(3);
  Shape in = context.InputShape(0);
  Shape out = context.OutputShape(0);
  const bool shifted = std::any_of(pads.begin.begin(), pads.begin.end(),
                                   [](std::int64_t width) { return width != 0; });
  if (in == out && !shifted) {
    if (context.HasInput(2)) context.DoNotRead(2);
    context.Alias(0, 0);
    return nullptr;
  }
  if (ElementCount(out) == 0) {
    return MakeStep("layout/pad", 0, [](const StepArgs&, std::int64_t, std::int64_t) {});
  }
  if (MovesBlocks(context, 0) && pads.begin[1] == 0 && pads.end[1] == 0) {
    const bool constant = pads.mode == PadMode::kConstant;
    const auto border =
        constant ? KnownBorder(context) : std::optional<Tensor>(Tensor(context.InputType(0), {}));
    if (border) return PlanBlocked(context, pads, *border);
  }
  return DispatchSize(context.InputType(0), [&]<typename T>() {
    return MakeAxisGather<T>("layout/pad", GatherOf(in, out, pads), ConstantOf<T>(context));
  });
}

}  // namespace

const OpDef& OpPad() {
  static const OpDef def{.name = "Pad",
                         .max_inputs = 4,
                         .attributes = "mode pads value",
                         .types = kAnyType,
                         .infer = InferPad,
                         .plan = PlanPad,
                         .batch_wise = PadBatchWise};
  return def;
}

}  // namespace kinglet
