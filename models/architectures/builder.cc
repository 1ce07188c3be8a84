#include "models/architectures/builder.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "engine/graph/lazy_zeros.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

// Exported networks shall be read everywhere: from 11 on, Clip has its bounds as inputs, which
// OpenCV does not take.
constexpr int kOpset = 10;
constexpr double kBiasLimit = 0.1;

// Output c of splitmix64 (Steele, Lea, Flood 2014) with state `base`: any c without those before.
std::uint64_t SplitMix(std::uint64_t base, std::uint64_t counter) {
  std::uint64_t z = base + (counter + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::uint64_t HashName(const std::string& name) {  // FNV-1a
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  }
  return hash;
}

// The upper 24 bits as an integer in [-2^23, 2^23): exact as a float, so that one multiplication is
// all the rounding there is.
float Signed24(std::uint32_t bits) {
  return static_cast<float>(static_cast<std::int32_t>(bits) >> 8);
}

int PooledSize(int size, const PoolSpec& spec) {
  const int room = size + 2 * spec.pad - spec.kernel;
  int count = (spec.ceil ? (room + spec.stride - 1) / spec.stride : room / spec.stride) + 1;
  if (spec.ceil && (count - 1) * spec.stride >= size + spec.pad) --count;
  return count;
}

int Slide(int padded, int kernel, const ConvSpec& spec) {
  return (padded - (kernel - 1) * spec.dilation - 1) / spec.stride + 1;
}

std::vector<std::int64_t> Ints(std::initializer_list<int> values) {
  return {values.begin(), values.end()};
}

}  // namespace

ConvSpec Square(int channels, int kernel, int stride) {
  ConvSpec spec;
  spec.channels = channels;
  spec.kernel_h = spec.kernel_w = kernel;
  spec.stride = stride;
  spec.pad_h = spec.pad_w = kernel / 2;
  return spec;
}

ConvSpec Pointwise(int channels) { return Square(channels, 1); }

ConvSpec Depthwise(const Feature& x, int kernel, int stride) {
  ConvSpec spec = Square(x.channels, kernel, stride);
  spec.groups = x.channels;
  return spec;
}

ConvSpec With(ConvSpec spec, Act act) {
  spec.act = act;
  return spec;
}

int MakeDivisible(double channels) {
  const int rounded = std::max(8, static_cast<int>(channels + 4) / 8 * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

Tensor LazyZeros(Shape shape) {
  const std::size_t bytes = static_cast<std::size_t>(ElementCount(shape)) * sizeof(float);
  const std::shared_ptr<void> zeros = LazyZeroBytes(bytes);
  if (zeros == nullptr) {
    throw Error(ErrorCode::kResource, "no memory for weights of shape " + ShapeToString(shape) +
                                          " (" + std::to_string(bytes) + " bytes)");
  }
  return Tensor::Wrap(DataType::kFloat32, std::move(shape), zeros.get(), bytes, zeros);
}

void FillUniform(Tensor& tensor, std::uint64_t seed, const std::string& name, double limit) {
  float* out = tensor.data<float>();
  const auto count = static_cast<std::uint64_t>(tensor.size());
  const std::uint64_t base = SplitMix(seed, HashName(name));
  const float scale = static_cast<float>(limit / 8388608.0);
  for (std::uint64_t i = 0; i + 1 < count; i += 2) {
    const std::uint64_t bits = SplitMix(base, i / 2);
    out[i] = Signed24(static_cast<std::uint32_t>(bits)) * scale;
    out[i + 1] = Signed24(static_cast<std::uint32_t>(bits >> 32)) * scale;
  }
  if (count % 2 != 0) {
    out[count - 1] = Signed24(static_cast<std::uint32_t>(SplitMix(base, count / 2))) * scale;
  }
}

NetBuilder::NetBuilder(const Architecture& architecture, const BuildOptions& options,
                       double input_range)
    : graph_(std::make_unique<GraphIr>()),
      options_(options),
      input_range_(input_range),
      classes_(architecture.classes) {
  graph_->name = architecture.family;
  graph_->source = architecture.family;
  Value value;
  value.name = "input";
  value.type = DataType::kFloat32;
  value.has_shape = true;
  const int height = architecture.input_height();
  value.dims = {kUnknownDim, 3, height, architecture.resolution};
  value.symbols = {"N", "", "", ""};
  const ValueId id = graph_->AddValue(std::move(value));
  graph_->inputs.push_back(id);
  input_ = {id, 3, height, architecture.resolution};
}

Feature NetBuilder::Emit(const std::string& name, const char* op, std::vector<ValueId> inputs,
                         Attributes attributes, const Feature& shape) {
  Value value;
  value.name = name;
  Feature result = shape;
  result.id = graph_->AddValue(std::move(value));
  Node node;
  node.name = name;
  node.op = op;
  node.opset = kOpset;
  node.inputs = std::move(inputs);
  node.outputs = {result.id};
  node.attributes = std::move(attributes);
  graph_->AddNode(std::move(node));
  return result;
}

ValueId NetBuilder::RandomConstant(const std::string& name, Shape shape, double limit) {
  Tensor tensor = LazyZeros(std::move(shape));
  if (options_.weights) FillUniform(tensor, options_.seed, name, limit);
  return graph_->AddConstant(name, std::move(tensor));
}

Feature NetBuilder::Conv(const std::string& name, const Feature& x, const ConvSpec& spec) {
  const int fan_in = x.channels / spec.groups * spec.kernel_h * spec.kernel_w;
  const double variance = (spec.act == Act::kNone ? 1.0 : 2.0) / fan_in;
  double limit = std::sqrt(3.0 * variance) * spec.gain;
  if (x.id == input_.id) limit /= input_range_;
  Attributes attributes;
  attributes.Set("dilations", Ints({spec.dilation, spec.dilation}));
  attributes.Set("group", std::int64_t{spec.groups});
  attributes.Set("kernel_shape", Ints({spec.kernel_h, spec.kernel_w}));
  attributes.Set("pads", Ints({spec.pad_h, spec.pad_w, spec.pad_h, spec.pad_w}));
  attributes.Set("strides", Ints({spec.stride, spec.stride}));
  const ValueId weight = RandomConstant(
      name + ".weight", {spec.channels, x.channels / spec.groups, spec.kernel_h, spec.kernel_w},
      limit);
  const ValueId bias = RandomConstant(name + ".bias", {spec.channels}, kBiasLimit);
  const Feature shape{kNoValue, spec.channels,
                      Slide(x.height + 2 * spec.pad_h, spec.kernel_h, spec),
                      Slide(x.width + 2 * spec.pad_w, spec.kernel_w, spec)};
  return Activate(name, Emit(name, "Conv", {x.id, weight, bias}, std::move(attributes), shape),
                  spec.act);
}

Feature NetBuilder::Activate(const std::string& name, const Feature& x, Act act) {
  if (act == Act::kNone) return x;
  if (act == Act::kRelu) return Emit(name + "/relu", "Relu", {x.id}, {}, x);
  if (act == Act::kHardSwish) return Mul(name + "/hard_swish", x, HardSigmoid(name + "/gate", x));
  if (act == Act::kSilu) {
    return Mul(name + "/silu", x, Emit(name + "/gate", "Sigmoid", {x.id}, {}, x));
  }
  Attributes attributes;
  attributes.Set("max", 6.0f);
  attributes.Set("min", 0.0f);
  return Emit(name + "/relu6", "Clip", {x.id}, std::move(attributes), x);
}

Feature NetBuilder::Pool(const char* op, const std::string& name, const Feature& x,
                         const PoolSpec& spec) {
  Attributes attributes;
  attributes.Set("ceil_mode", std::int64_t{spec.ceil});
  attributes.Set("kernel_shape", Ints({spec.kernel, spec.kernel}));
  attributes.Set("pads", Ints({spec.pad, spec.pad, spec.pad, spec.pad}));
  attributes.Set("strides", Ints({spec.stride, spec.stride}));
  const Feature shape{kNoValue, x.channels, PooledSize(x.height, spec), PooledSize(x.width, spec)};
  return Emit(name, op, {x.id}, std::move(attributes), shape);
}

Feature NetBuilder::MaxPool(const std::string& name, const Feature& x, const PoolSpec& spec) {
  return Pool("MaxPool", name, x, spec);
}

Feature NetBuilder::AveragePool(const std::string& name, const Feature& x, const PoolSpec& spec) {
  return Pool("AveragePool", name, x, spec);
}

Feature NetBuilder::GlobalAveragePool(const std::string& name, const Feature& x) {
  return Emit(name, "GlobalAveragePool", {x.id}, {}, {kNoValue, x.channels, 1, 1});
}

Feature NetBuilder::Flatten(const std::string& name, const Feature& x) {
  Attributes attributes;
  attributes.Set("axis", std::int64_t{1});
  return Emit(name, "Flatten", {x.id}, std::move(attributes),
              {kNoValue, x.channels * x.height * x.width, 1, 1});
}

Feature NetBuilder::Gemm(const std::string& name, const Feature& x, int outputs, Act act) {
  const double variance = (act == Act::kNone ? 1.0 : 2.0) / x.channels;
  Attributes attributes;
  attributes.Set("alpha", 1.0f);
  attributes.Set("beta", 1.0f);
  attributes.Set("transB", std::int64_t{1});
  const ValueId weight =
      RandomConstant(name + ".weight", {outputs, x.channels}, std::sqrt(3.0 * variance));
  const ValueId bias = RandomConstant(name + ".bias", {outputs}, kBiasLimit);
  return Activate(
      name,
      Emit(name, "Gemm", {x.id, weight, bias}, std::move(attributes), {kNoValue, outputs, 1, 1}),
      act);
}

Feature NetBuilder::Concat(const std::string& name, const std::vector<Feature>& parts) {
  Attributes attributes;
  attributes.Set("axis", std::int64_t{1});
  Feature shape = parts.front();
  shape.channels = 0;
  std::vector<ValueId> inputs;
  for (const Feature& part : parts) {
    shape.channels += part.channels;
    inputs.push_back(part.id);
  }
  return Emit(name, "Concat", std::move(inputs), std::move(attributes), shape);
}

Feature NetBuilder::Add(const std::string& name, const Feature& a, const Feature& b) {
  return Emit(name, "Add", {a.id, b.id}, {}, a);
}

Feature NetBuilder::Channels(const std::string& name, const Feature& x, int begin, int end) {
  const auto index = [&](const char* what, std::int64_t value) {
    return graph_->AddConstant(name + what, Tensor::From<std::int64_t>({1}, {value}));
  };
  Feature shape = x;
  shape.channels = end - begin;
  return Emit(name, "Slice",
              {x.id, index(".starts", begin), index(".ends", end), index(".axes", 1)}, {}, shape);
}

Feature NetBuilder::Shuffle(const std::string& name, const Feature& x, int groups) {
  const auto reshaped = [&](const std::string& part, const Feature& from,
                            const std::vector<std::int64_t>& sizes) {
    const auto rank = static_cast<std::int64_t>(sizes.size());
    const ValueId shape =
        graph_->AddConstant(part + ".shape", Tensor::From<std::int64_t>({rank}, sizes));
    return Emit(part, "Reshape", {from.id, shape}, {}, x);
  };
  const Feature apart =
      reshaped(name + "/apart", x, {0, groups, x.channels / groups, x.height, x.width});
  Attributes order;
  order.Set("perm", Ints({0, 2, 1, 3, 4}));
  const Feature turned = Emit(name + "/turn", "Transpose", {apart.id}, std::move(order), x);
  return reshaped(name, turned, {0, x.channels, x.height, x.width});
}

Feature NetBuilder::HardSigmoid(const std::string& name, const Feature& x) {
  Attributes attributes;
  attributes.Set("alpha", 1.0f / 6.0f);
  attributes.Set("beta", 0.5f);
  return Emit(name, "HardSigmoid", {x.id}, std::move(attributes), x);
}

Feature NetBuilder::Mul(const std::string& name, const Feature& a, const Feature& b) {
  return Emit(name, "Mul", {a.id, b.id}, {}, a);
}

Feature NetBuilder::L2Normalize(const std::string& name, const Feature& x) {
  Attributes attributes;
  attributes.Set("axis", std::int64_t{1});
  attributes.Set("p", std::int64_t{2});
  const Feature unit = Emit(name + "/norm", "LpNormalization", {x.id}, std::move(attributes), x);
  constexpr double kLimit = 20.0;  // the factors begin at 20 (Liu et al., section 3.1)
  const ValueId scale = RandomConstant(name + ".scale", {1, x.channels, 1, 1}, kLimit);
  return Emit(name, "Mul", {unit.id, scale}, {}, x);
}

Feature NetBuilder::Softmax(const std::string& name, const Feature& x) {
  Attributes attributes;
  attributes.Set("axis", std::int64_t{2});
  return Emit(name, "Softmax", {x.id}, std::move(attributes), x);
}

Feature NetBuilder::Rows(const std::string& name, const Feature& x, int size) {
  Attributes to_last;
  to_last.Set("perm", Ints({0, 2, 3, 1}));
  const Feature last = Emit(name + "/transpose", "Transpose", {x.id}, std::move(to_last), x);
  const ValueId shape =
      graph_->AddConstant(name + ".shape", Tensor::From<std::int64_t>({3}, {0, -1, size}));
  return Emit(name, "Reshape", {last.id, shape}, {},
              {kNoValue, x.channels * x.height * x.width / size, size, 1});
}

ValueId NetBuilder::Op(const std::string& name, const char* op, std::vector<ValueId> inputs,
                       Attributes attributes) {
  return Ops(name, op, std::move(inputs), std::move(attributes), 1).front();
}

std::vector<ValueId> NetBuilder::Ops(const std::string& name, const char* op,
                                     std::vector<ValueId> inputs, Attributes attributes,
                                     int outputs) {
  Node node;
  node.name = name;
  node.op = op;
  node.opset = kOpset;
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  for (int i = 0; i < outputs; ++i) {
    Value value;
    value.name = i == 0 ? name : name + ':' + std::to_string(i);
    node.outputs.push_back(graph_->AddValue(std::move(value)));
  }
  std::vector<ValueId> ids = node.outputs;
  graph_->AddNode(std::move(node));
  return ids;
}

ValueId NetBuilder::Constant(const std::string& name, Tensor tensor) {
  return graph_->AddConstant(name, std::move(tensor));
}

void NetBuilder::FixBatch() {
  fixed_batch_ = true;
  Value& input = graph_->value(input_.id);
  input.dims[0] = 1;
  input.symbols[0] = "";
}

Graph NetBuilder::FinishWithClassifier(const Feature& x) {
  return Finish(Gemm("logits", Flatten("flatten", GlobalAveragePool("pool", x)), classes_));
}

Graph NetBuilder::Finish(const Feature& x) { return Finish({{"output", x, {classes_}}}); }

Graph NetBuilder::Finish(const std::vector<Output>& outputs) {
  for (const Output& output : outputs) {
    Value& value = graph_->value(output.x.id);
    value.name = output.name;
    value.type = DataType::kFloat32;
    value.has_shape = true;
    value.dims = {fixed_batch_ ? 1 : kUnknownDim};
    value.dims.insert(value.dims.end(), output.sizes.begin(), output.sizes.end());
    value.symbols.resize(value.dims.size());
    if (!fixed_batch_) value.symbols[0].assign(1, 'N');
    graph_->outputs.push_back(output.x.id);
  }
  CheckGraph(*graph_);
  return Graph(std::move(graph_));
}

}  // namespace kinglet
