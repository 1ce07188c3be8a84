#include "engine/passes/store_bfloat16.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "engine/ops/bfloat16.h"

namespace kinglet {
namespace {

class Storage {
 public:
  explicit Storage(GraphIr& graph)
      : graph_(graph),
        images_(graph.values.size()),
        behind_conv_(graph.values.size()),
        kept_(graph.values.size()),
        readers_(graph.values.size()) {}

  int Run() {
    for (const ValueId id : graph_.inputs) images_[Index(id)] = graph_.value(id).dims.size() == 4;
    for (const Node& node : graph_.nodes) Follow(node);
    KeepTails();
    int count = 0;
    for (const Node& node : graph_.nodes) {
      if (!WritesBFloat16(graph_, node)) continue;
      Value& made = graph_.value(node.outputs[0]);
      if (!MayStore(node.outputs[0], made)) continue;
      made.storage = ElementType::kBFloat16;
      ++count;
    }
    return count;
  }

 private:
  static std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }

  bool IsImages(ValueId id) const { return id != kNoValue && images_[Index(id)]; }

  // What the node makes, in the order of the graph, and who reads what it reads.
  void Follow(const Node& node) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id == kNoValue) continue;
      ++readers_[Index(id)];
      if (!IsImages(id) || !ReadsBFloat16(graph_, node, i)) kept_[Index(id)] = true;
    }
    for (const ValueId id : CapturedValues(node)) kept_[Index(id)] = true;
    if (node.outputs.empty() || node.outputs[0] == kNoValue) return;
    const bool conv = node.op == "Conv";
    const auto input = [&](auto&& has) {
      return std::any_of(node.inputs.begin(), node.inputs.end(), has);
    };
    const std::size_t made = Index(node.outputs[0]);
    behind_conv_[made] =
        conv || input([&](ValueId id) { return id != kNoValue && behind_conv_[Index(id)]; });
    images_[made] = WritesBFloat16(graph_, node) && (conv || AllAreImages(node));
  }

  // Those that the node computes with, that is: sizes and bounds are constants.
  bool AllAreImages(const Node& node) const {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (ReadsBFloat16(graph_, node, i) && !IsImages(node.inputs[i])) return false;
    }
    return true;
  }

  // From the outputs back to the first convolution or dense layer on every path.
  void KeepTails() {
    constexpr std::string_view kLayers[] = {"Conv", "ConvTranspose", "Gemm", "MatMul"};
    std::vector<bool> tail(graph_.values.size());
    for (const ValueId id : graph_.outputs) tail[Index(id)] = kept_[Index(id)] = true;
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
      const bool is_tail = std::any_of(node->outputs.begin(), node->outputs.end(), [&](ValueId id) {
        return id != kNoValue && tail[Index(id)];
      });
      const bool layer =
          std::find(std::begin(kLayers), std::end(kLayers), node->op) != std::end(kLayers);
      if (!is_tail || layer) continue;
      for (const ValueId id : node->inputs) {
        if (id != kNoValue) tail[Index(id)] = kept_[Index(id)] = true;
      }
      for (const ValueId id : CapturedValues(*node)) tail[Index(id)] = kept_[Index(id)] = true;
    }
  }

  bool MayStore(ValueId id, const Value& value) const {
    const bool floats = value.type == DataType::kFloat32 || value.type == DataType::kUndefined;
    return floats && value.storage == ElementType::kUndefined && images_[Index(id)] &&
           behind_conv_[Index(id)] && !kept_[Index(id)] && readers_[Index(id)] > 0;
  }

  GraphIr& graph_;
  std::vector<bool> images_, behind_conv_, kept_;  // by value
  std::vector<int> readers_;
};

}  // namespace

int StoreBFloat16(GraphIr& graph) { return Storage(graph).Run(); }

}  // namespace kinglet
