#include "engine/passes/code_images.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/fusion.h"
#include "engine/passes/match.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

// Whether the batch and the channels keep their sizes: by axes, or by scales or sizes that are
// constants.
bool KeepsChannels(const CodeGraph& graph, const Node& resize) {
  if (resize.opset >= 18 && resize.attributes.Has("axes")) {
    const Ints axes = resize.attributes.Ints("axes");
    return std::all_of(axes.begin(), axes.end(), [](std::int64_t axis) {
      return axis == 2 || axis == 3 || axis == -1 || axis == -2;
    });
  }
  const Tensor* sizes = graph.graph().ConstantOf(resize.input(3));
  const Shape* shape = graph.FixedShapeOf(resize.input(0));
  if (sizes != nullptr && sizes->type() == DataType::kInt64 && sizes->size() == 4) {
    const std::int64_t* size = sizes->data<std::int64_t>();
    return shape != nullptr && size[0] == (*shape)[0] && size[1] == (*shape)[1] &&
           resize.attributes.String("keep_aspect_ratio_policy", "stretch") == "stretch";
  }
  const Tensor* scales = graph.graph().ConstantOf(resize.input(2));
  if (scales == nullptr || scales->type() != DataType::kFloat32 || scales->size() != 4) {
    return false;
  }
  return scales->data<float>()[0] == 1.0f && scales->data<float>()[1] == 1.0f;
}

bool IsLinear(const Node& resize) {
  const Attributes& attributes = resize.attributes;
  return resize.opset >= 11 && attributes.String("mode", "nearest") == "linear" &&
         attributes.Int("antialias", 0) == 0 && attributes.Int("exclude_outside", 0) == 0 &&
         attributes.String("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize";
}

// ---- ConvTranspose.

// A dimension of it. Output row p of the whole result, of which `pad` rows are cut off, is a sum
// over taps k and inputs i with p = i * stride + k. Rows p = q * stride + phase read the inputs
// q, q - 1, ... with the taps phase, phase + stride, ...: a convolution of `taps` taps.
struct Dimension {
  std::int64_t kernel, stride, pad_begin, pad_end, output_padding;

  std::int64_t Taps() const { return (kernel + stride - 1) / stride; }
  // Of the convolution, such that whole steps of the stride are not computed to be cut off.
  std::int64_t PadBefore() const { return Taps() - 1 - pad_begin / stride; }
  std::int64_t PadAfter() const {
    const std::int64_t rows = kernel + output_padding - pad_end;
    return std::max<std::int64_t>((rows + stride - 1) / stride - 1, 0);
  }
  // Rows that are cut off.
  std::int64_t Begin() const { return pad_begin % stride; }
  std::int64_t End() const { return stride * (PadAfter() + 1) - kernel - output_padding + pad_end; }
  // Taps that are multiplied for all phases, those that the kernel has not too.
  std::int64_t Products() const { return Taps() * stride; }
  // Which tap the convolution's tap `at` is in a phase; beyond the kernel: none.
  std::int64_t TapAt(std::int64_t phase, std::int64_t at) const {
    return phase + stride * (Taps() - 1 - at);
  }
  bool Fits() const {
    constexpr std::int64_t kMost = 1 << 16;
    const auto small = [](std::int64_t v) { return v >= 0 && v <= kMost; };
    return kernel >= 1 && stride >= 1 && small(kernel) && small(stride) && small(pad_begin) &&
           small(pad_end) && small(output_padding) && PadBefore() >= 0 && End() >= 0;
  }
};

Ints Or(Ints values, std::size_t count, std::int64_t value) {
  if (values.empty()) values.assign(count, value);
  return values;
}

// Rows and columns; none for what is not handled.
std::optional<std::pair<Dimension, Dimension>> DimensionsOf(const Node& node,
                                                            const Shape& weights) {
  const Attributes& attributes = node.attributes;
  const std::string auto_pad = attributes.String("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "VALID") return {};
  if (attributes.Int("group", 1) != 1 || !attributes.Ints("output_shape").empty()) return {};
  const Ints strides = Or(attributes.Ints("strides"), 2, 1);
  const Ints dilations = Or(attributes.Ints("dilations"), 2, 1);
  const Ints extra = Or(attributes.Ints("output_padding"), 2, 0);
  const Ints pads = Or(auto_pad == "VALID" ? Ints{} : attributes.Ints("pads"), 4, 0);
  const Ints kernel = Or(attributes.Ints("kernel_shape"), 0, 0);
  if (strides.size() != 2 || extra.size() != 2 || pads.size() != 4) return {};
  if (dilations != Ints{1, 1} || strides[0] != strides[1]) return {};
  if (!kernel.empty() && kernel != Ints{weights[2], weights[3]}) return {};
  const Dimension rows{weights[2], strides[0], pads[0], pads[2], extra[0]};
  const Dimension columns{weights[3], strides[1], pads[1], pads[3], extra[1]};
  if (!rows.Fits() || !columns.Fits()) return {};
  // Integers are twice as fast as floats at best.
  if (rows.Products() * columns.Products() > 2 * rows.kernel * columns.kernel) return {};
  return std::pair{rows, columns};
}

// `values` of one element each for the channels, `count` times over.
Tensor Repeated(const Tensor& values, std::int64_t count) {
  Tensor all(values.type(), {values.size() * count});
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(static_cast<std::byte*>(all.raw()) + static_cast<std::size_t>(i) * values.bytes(),
                values.raw(), values.bytes());
  }
  return all;
}

// Filters of the convolution, of those {C, M, h, w}; a tap that the kernel has not is the zero
// point.
Tensor FiltersOf(const Tensor& weights, const Tensor& zeros, const Dimension& rows,
                 const Dimension& columns) {
  const Shape& from = weights.shape();
  const std::int64_t depth = from[0];
  const std::int64_t channels = from[1];
  const std::int64_t stride = rows.stride;
  const Shape shape{stride * stride * channels, depth, rows.Taps(), columns.Taps()};
  Tensor filters(weights.type(), shape);
  const auto* codes = static_cast<const std::uint8_t*>(weights.raw());
  const auto* zero = static_cast<const std::uint8_t*>(zeros.raw());
  auto* to = static_cast<std::uint8_t*>(filters.raw());
  for (std::int64_t o = 0; o < shape[0]; ++o) {
    const std::int64_t channel = o % channels;
    const std::int64_t row_phase = o / channels / stride;
    const std::int64_t column_phase = o / channels % stride;
    for (std::int64_t c = 0; c < depth; ++c) {
      for (std::int64_t i = 0; i < shape[2]; ++i) {
        for (std::int64_t j = 0; j < shape[3]; ++j, ++to) {
          const std::int64_t y = rows.TapAt(row_phase, i);
          const std::int64_t x = columns.TapAt(column_phase, j);
          *to = y < from[2] && x < from[3]
                    ? codes[((c * channels + channel) * from[2] + y) * from[3] + x]
                    : zero[zeros.size() == 1 ? 0 : channel];
        }
      }
    }
  }
  return filters;
}

}  // namespace

bool EmitResize(CodeGraph& graph, const Node& resize, const Codes& from, const Codes& to,
                ValueId output) {
  constexpr float kParts = 1 << 14;  // engine/ops/qlinear_resize.cc
  if (graph.RankOf(resize.input(0)) != std::size_t{4} || from.type != to.type) return false;
  if (!IsLinear(resize) || !KeepsChannels(graph, resize)) return false;
  if (!IsUsableScale(from.step / to.step / kParts)) return false;
  Node& made = graph.Emit(resize, "QLinearResize", kKingletDomain,
                          {from.codes, resize.input(1), resize.input(2), resize.input(3),
                           from.scale, from.zero, to.scale, to.zero},
                          output);
  made.attributes = resize.attributes;
  made.attributes.Set("opset", std::int64_t{resize.opset});
  return true;
}

std::optional<TransposedConv> AsConv(CodeGraph& graph, const Node& node,
                                     const CodedWeights& weights, ValueId bias) {
  const Tensor codes = *graph.graph().ConstantOf(weights.codes);
  const Tensor zeros = *graph.graph().ConstantOf(weights.zero);
  if (codes.shape().size() != 4 || codes.size() == 0) return {};
  const auto dimensions = DimensionsOf(node, codes.shape());
  if (!dimensions) return {};
  const Dimension& rows = dimensions->first;
  const Dimension& columns = dimensions->second;
  TransposedConv conv;
  conv.stride = rows.stride;
  conv.weights = weights;
  conv.weights.codes =
      graph.Constant(node.name + "/filters", FiltersOf(codes, zeros, rows, columns));
  const std::int64_t phases = conv.stride * conv.stride;
  if (weights.scales.size() > 1) {
    conv.weights.scales = Repeated(weights.scales, phases);
    conv.weights.scale = graph.Constant(node.name + "/scales", conv.weights.scales);
  }
  if (zeros.size() > 1) {
    conv.weights.zero = graph.Constant(node.name + "/zero_points", Repeated(zeros, phases));
  }
  if (bias != kNoValue) {
    const Tensor values = *graph.graph().ConstantOf(bias);
    conv.bias = graph.Constant(node.name + "/bias", Repeated(values, phases));
  }
  std::size_t at = 0;
  for (const Dimension* d : {&rows, &columns}) {
    conv.pads[at] = d->PadBefore();
    conv.pads[at + 2] = d->PadAfter();
    conv.begin[at] = d->Begin();
    conv.end[at] = d->End();
    ++at;
  }
  return conv;
}

void EmitUnfolding(CodeGraph& graph, const Node& node, const TransposedConv& conv, ValueId image,
                   DataType type, ValueId output) {
  const int opset = OnnxOpset(graph.graph());
  const bool cuts = std::any_of(conv.begin, conv.begin + 2, [](std::int64_t v) { return v > 0; }) ||
                    std::any_of(conv.end, conv.end + 2, [](std::int64_t v) { return v > 0; });
  if (conv.stride > 1) {
    const ValueId whole = cuts ? graph.NewValue(node.name + "/whole", type) : output;
    Node& unfold = graph.Emit(node, "DepthToSpace", "", {image}, whole);
    unfold.opset = opset;
    unfold.attributes.Set("blocksize", conv.stride);
    image = whole;
  }
  if (!cuts) return;
  Ints ends;
  for (const std::int64_t end : conv.end) {
    ends.push_back(end > 0 ? -end : std::numeric_limits<std::int64_t>::max());
  }
  const auto ints = [&](const char* name, const Ints& values) {
    return graph.Constant(node.name + name, Tensor::From<std::int64_t>({2}, values));
  };
  const ValueId starts = ints("/starts", {conv.begin[0], conv.begin[1]});
  const ValueId stops = ints("/ends", ends);
  const ValueId axes = ints("/axes", {2, 3});
  graph.Emit(node, "Slice", "", {image, starts, stops, axes}, output).opset = opset;
}

}  // namespace kinglet
