// A Pad of zeros around the image becomes the padding of the convolution or average pool behind it.
#include <algorithm>
#include <cstdint>

#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

// Pads of the spatial axes, begins then ends; nothing unless the Pad is one of constant zeros on
// spatial axes of a tensor of rank 4.
std::optional<std::vector<std::int64_t>> SpatialPads(const GraphIr& graph, const Node& pad) {
  if (pad.attributes.String("mode", "constant") != "constant") return {};
  std::vector<std::int64_t> pads = pad.attributes.Ints("pads");
  if (pad.opset < 11) {
    if (pad.attributes.Float("value", 0) != 0) return {};
  } else {
    const Tensor* given = graph.ConstantOf(pad.input(1));
    if (given == nullptr || given->type() != DataType::kInt64 || pad.input(3) != kNoValue) {
      return {};
    }
    pads.assign(given->data<std::int64_t>(), given->data<std::int64_t>() + given->size());
    if (pad.input(2) != kNoValue && ScalarOf(graph, pad.input(2)) != 0.0f) return {};
  }
  if (pads.size() != 8 || pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0) return {};
  std::vector<std::int64_t> spatial = {pads[2], pads[3], pads[6], pads[7]};
  const auto fits = [](std::int64_t p) { return p >= 0 && p <= 1024; };
  if (!std::all_of(spatial.begin(), spatial.end(), fits)) return {};
  return spatial;
}

bool TakesExplicitPads(const Node& node) {
  const std::string auto_pad = node.attributes.String("auto_pad", "NOTSET");
  return auto_pad == "NOTSET" || auto_pad == "VALID";
}

bool IsPoolWithoutPads(const Node& node) {
  const std::vector<std::int64_t> pads = node.attributes.Ints("pads");
  return node.attributes.Int("ceil_mode", 0) == 0 &&
         (node.attributes.Int("count_include_pad", 0) != 0 ||
          std::all_of(pads.begin(), pads.end(), [](std::int64_t p) { return p == 0; }));
}

}  // namespace

void FoldPad(GraphIr& graph, const PassOptions&) {
  Rewriter rewriter(graph);
  rewriter.Sweep([&](Node& node) {
    const bool conv = node.op == "Conv";
    const bool pool = node.op == "AveragePool" && IsPoolWithoutPads(node);
    if (!node.domain.empty() || !(conv || pool) || !TakesExplicitPads(node)) return;
    const Node* pad = rewriter.SoleProducer(node.inputs[0], "Pad");
    if (pad == nullptr) return;
    const auto more = SpatialPads(graph, *pad);
    if (!more) return;
    std::vector<std::int64_t> pads = node.attributes.Ints("pads");
    if (pads.empty()) pads.assign(4, 0);
    if (pads.size() != 4) return;
    if (pool) {
      // A window of padding only is refused by pools; a Pad in front of one is not.
      const std::vector<std::int64_t> kernel = node.attributes.Ints("kernel_shape");
      for (std::size_t i = 0; i < 4; ++i) {
        if (kernel.size() != 2 || pads[i] + (*more)[i] >= kernel[i % 2]) return;
      }
      node.attributes.Set("count_include_pad", std::int64_t{1});
    }
    for (std::size_t i = 0; i < 4; ++i) {
      if (__builtin_add_overflow(pads[i], (*more)[i], &pads[i])) return;
    }
    node.attributes.Set("pads", pads);
    node.attributes.Erase("auto_pad");
    node.inputs[0] = pad->inputs[0];
  });
}

}  // namespace kinglet
