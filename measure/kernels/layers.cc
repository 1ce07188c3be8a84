#include "measure/kernels/layers.h"

#include <map>
#include <set>

#include "engine/op/context.h"
#include "engine/ops/conv.h"
#include "engine/ops/pool.h"
#include "engine/passes/passes.h"
#include "kinglet/descriptor.h"
#include "kinglet/graph.h"

namespace kinglet::measure {
namespace {

Volume VolumeOf(const Shape& shape) { return {shape.at(1), shape.at(2), shape.at(3)}; }

// Adds the layers of a graph to those that are known.
class Walker {
 public:
  explicit Walker(NetworkLayers& layers) : layers_(layers) {}

  void Walk(const GraphIr& graph) {
    made_.clear();
    std::vector<TensorState> states(graph.values.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
      const Tensor& constant = graph.values[i].constant;
      if (constant.defined()) states[i] = {constant.type(), constant.shape(), constant};
    }
    for (const ValueId id : graph.inputs) {
      const Value& value = graph.value(id);
      Shape shape = value.dims;
      shape.at(0) = 1;
      layers_.input = VolumeOf(shape);
      states[static_cast<std::size_t>(id)] = {value.type, shape, {}};
    }
    for (const Node& node : graph.nodes) {
      NodeStates of_node;
      for (const ValueId id : node.inputs) of_node.inputs.push_back(At(states, id));
      for (const ValueId id : node.outputs) of_node.outputs.push_back(At(states, id));
      try {
        InferNode(node, of_node, Limits{});
      } catch (const DependsOnData&) {
        // Behind the proposals of a detector nothing has a size of its own.
        for (TensorState* output : of_node.outputs) {
          if (output != nullptr) *output = {};
        }
        continue;
      }
      Add(node, PlainPlanContext(node, of_node));
    }
    const Shape& output = states[static_cast<std::size_t>(graph.outputs.at(0))].shape;
    if (output.size() == 2) layers_.classes = output[1];
  }

 private:
  static TensorState* At(std::vector<TensorState>& states, ValueId id) {
    return id == kNoValue ? nullptr : &states[static_cast<std::size_t>(id)];
  }

  void Add(const Node& node, const PlanContext& context) {
    if (node.op == "Conv") {
      AddConv(node, context);
    } else if (node.op == "Gemm") {
      const Shape& weights = context.InputShape(1);
      const bool transposed = context.attributes().Int("transB", 0) != 0;
      const kernels::GemmShape shape{context.InputShape(0).at(0), weights.at(transposed ? 0 : 1),
                                     weights.at(transposed ? 1 : 0)};
      if (IsNew("product", NameOf(shape))) layers_.products.push_back(shape);
    } else if (node.op == "MaxPool" || node.op == "AveragePool") {
      AddPool(node, context);
    } else if (node.op == "GlobalAveragePool") {
      const Volume v = VolumeOf(context.InputShape(0));
      if (IsNew("global", NameOf(v))) layers_.global_pools.push_back({1, v.c, v.h * v.w});
    } else if (context.OutputShape(0).size() != 4) {
      return;
    } else if (node.op == "Concat") {
      AddConcat(context);
    } else if (node.op == "Add") {
      AddSum(VolumeOf(context.OutputShape(0)));
    }
  }

  void AddConv(const Node& node, const PlanContext& context) {
    const Window window =
        ConvWindow(context, SpatialSizes(context), std::span(context.InputShape(1)).subspan(2));
    const kernels::ConvShape shape = ConvShapeOf(context, window);
    if (IsNew("conv", NameOf(shape))) layers_.convs.push_back(shape);
    if (node.fusion.residual) AddSum({shape.oc, shape.oh, shape.ow});
    AddChain(node, shape);
    made_[node.outputs.at(0)] = {shape, node.input(0)};
  }

  // The chain that ends with this convolution, where there is one.
  void AddChain(const Node& node, const kernels::ConvShape& shape) {
    const auto middle = made_.find(node.input(0));
    if (middle == made_.end()) return;
    kernels::ConvChain chain{false, {}, middle->second.shape, shape};
    if (!kernels::IsChain(chain)) return;
    const auto first = made_.find(middle->second.input);
    if (first != made_.end()) {
      const kernels::ConvChain longer{true, first->second.shape, chain.depthwise, shape};
      if (kernels::IsChain(longer)) chain = longer;
    }
    if (IsNew("chain", NameOf(chain))) layers_.chains.push_back(chain);
  }

  void AddPool(const Node& node, const PlanContext& context) {
    const PoolLayer layer{ImagePoolOf(context, PoolWindow(context, SpatialSizes(context))),
                          node.op == "MaxPool"};
    const kernels::Pool& p = layer.pool;
    const std::string name = node.op + NameOf(Volume{p.c, p.in_h, p.in_w}) + "_" +
                             std::to_string(p.kernel_h) + "_" + std::to_string(p.out_h);
    if (IsNew("pool", name)) layers_.pools.push_back(layer);
  }

  void AddConcat(const PlanContext& context) {
    ConcatLayer layer{{}, VolumeOf(context.OutputShape(0))};
    std::string name = NameOf(layer.output);
    for (std::size_t i = 0; i < context.input_count(); ++i) {
      layer.channels.push_back(context.InputShape(i).at(1));
      name += '_' + std::to_string(layer.channels.back());
    }
    if (IsNew("concat", name)) layers_.concats.push_back(layer);
  }

  void AddSum(const Volume& volume) {
    if (IsNew("sum", NameOf(volume))) layers_.sums.push_back(volume);
  }

  bool IsNew(const std::string& kind, const std::string& name) {
    return known_.insert(kind + "/" + name).second;
  }

  struct Made {
    kernels::ConvShape shape;
    ValueId input;
  };

  NetworkLayers& layers_;
  std::map<ValueId, Made> made_;  // by convolutions of the graph that is walked
  std::set<std::string> known_;
};

NetworkLayers LayersOf(const Descriptor& descriptor) {
  NetworkLayers layers;
  layers.network = descriptor.name;
  Graph graph = BuildArchitecture(descriptor.architecture, {.weights = false});
  Walker walker(layers);
  walker.Walk(graph.ir());
  RunPasses(graph.ir(), {});
  walker.Walk(graph.ir());
  return layers;
}

std::string Part(const char* letter, int64_t value, int64_t usual) {
  return value == usual ? "" : std::string("_") + letter + std::to_string(value);
}

std::string Pair(const char* letter, int64_t y, int64_t x, int64_t usual) {
  if (y == usual && x == usual) return "";
  return Part(letter, y, -1000) + (x == y ? "" : 'x' + std::to_string(x));
}

}  // namespace

const std::vector<NetworkLayers>& AllNetworkLayers() {
  static const std::vector<NetworkLayers> all = [] {
    std::vector<NetworkLayers> networks;
    for (const std::string& name : ListDescriptors()) {
      const Descriptor descriptor = FindDescriptor(name);
      if (!descriptor.architecture.family.empty()) networks.push_back(LayersOf(descriptor));
    }
    return networks;
  }();
  return all;
}

std::string NameOf(const Volume& v) {
  return std::to_string(v.c) + "x" + std::to_string(v.h) + "x" + std::to_string(v.w);
}

std::string NameOf(const kernels::ConvChain& c) {
  const kernels::ConvShape& first = c.expands ? c.expand : c.depthwise;
  return NameOf(Volume{first.ic, first.ih, first.iw}) +
         (c.expands ? '_' + std::to_string(c.depthwise.ic) : "") + "_" +
         NameOf(Volume{c.project.oc, c.project.oh, c.project.ow}) + "_k" +
         std::to_string(c.depthwise.kh) + "x" + std::to_string(c.depthwise.kw) +
         Pair("s", c.depthwise.sh, c.depthwise.sw, 1);
}

std::string NameOf(const kernels::GemmShape& s) {
  return std::to_string(s.n) + "x" + std::to_string(s.k);
}

std::string NameOf(const kernels::ConvShape& s) {
  return NameOf(Volume{s.ic, s.ih, s.iw}) + "_" + NameOf(Volume{s.oc, s.oh, s.ow}) + "_k" +
         std::to_string(s.kh) + "x" + std::to_string(s.kw) + Pair("s", s.sh, s.sw, 1) +
         Pair("d", s.dh, s.dw, 1) + Pair("p", s.pad_top, s.pad_left, 0) + Part("g", s.groups, 1);
}

double Operations(const kernels::ConvShape& s) {
  return 2.0 * static_cast<double>(s.n * s.oc * s.oh * s.ow) *
         static_cast<double>(s.ic / s.groups * s.kh * s.kw);
}

double Operations(const kernels::ConvChain& c) {
  return (c.expands ? Operations(c.expand) : 0.0) + Operations(c.depthwise) + Operations(c.project);
}

double Operations(const kernels::GemmShape& s) {
  return 2.0 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
}

double TrafficBytes(const kernels::ConvShape& s) {
  return 4.0 * static_cast<double>(s.n * s.ic * s.ih * s.iw + s.n * s.oc * s.oh * s.ow +
                                   s.oc * (s.ic / s.groups) * s.kh * s.kw);
}

double TrafficBytes(const kernels::GemmShape& s) {
  return 4.0 * static_cast<double>(s.m * s.k + s.k * s.n + s.m * s.n);
}

double TrafficBytes(const kernels::ConvChain& c) {
  const kernels::ConvShape& d = c.depthwise;
  const kernels::ConvShape& p = c.project;
  const double between = 8.0 * static_cast<double>(d.n * d.oc * d.oh * d.ow);
  const double expanded = 8.0 * static_cast<double>(d.n * d.ic * d.ih * d.iw);
  return TrafficBytes(d) + TrafficBytes(p) - between +
         (c.expands ? TrafficBytes(c.expand) - expanded : 0.0);
}

kernels::ConvShape WithBatch(kernels::ConvShape shape, int64_t n) {
  shape.n = n;
  return shape;
}

kernels::ConvChain WithBatch(kernels::ConvChain chain, int64_t n) {
  chain.expand.n = chain.depthwise.n = chain.project.n = n;
  return chain;
}

kernels::GemmShape WithBatch(kernels::GemmShape shape, int64_t n) {
  shape.m = n;
  return shape;
}

}  // namespace kinglet::measure
