// Candidates that a suppression sorts in any case need not come in order, where nobody sees more of
// the order than which ones the suppression selects.
#include <algorithm>
#include <vector>

#include "engine/graph/fusion.h"
#include "engine/passes/passes.h"

namespace kinglet {
namespace {

class OrderReaders {
 public:
  explicit OrderReaders(const GraphIr& graph)
      : readers_(graph.values.size()), escapes_(graph.values.size(), false) {
    for (const Node& node : graph.nodes) {
      for (const ValueId id : node.inputs) {
        if (id != kNoValue) readers_[Index(id)].push_back(&node);
      }
      for (const ValueId id : CapturedValues(node)) escapes_[Index(id)] = true;
    }
    for (const ValueId id : graph.outputs) escapes_[Index(id)] = true;
  }

  // Whether nobody but a suppression sees in which order these candidates come.
  bool OnlySuppressionReads(const Node& candidates) {
    lists_.clear();
    suppression_ = nullptr;
    return AddLists(candidates) &&
           std::all_of(lists_.begin(), lists_.end(), [&](ValueId id) { return IsSorted(id); }) &&
           suppression_ != nullptr && SelectsOnly();
  }

 private:
  static std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }
  static bool Gathers(const Node& node, ValueId by) {
    return node.op == "Gather" && node.domain.empty() && node.inputs[1] == by &&
           node.inputs[0] != by && node.attributes.Int("axis", 0) == 0;
  }
  bool IsList(ValueId id) const {
    return std::find(lists_.begin(), lists_.end(), id) != lists_.end();
  }

  // Values and labels, and what is gathered by rows: all in the order of the candidates.
  bool AddLists(const Node& candidates) {
    for (std::size_t i = 0; i < candidates.outputs.size(); ++i) {
      const ValueId id = candidates.outputs[i];
      if (id == kNoValue) continue;
      if (i != 1) {
        lists_.push_back(id);
        continue;
      }
      if (escapes_[Index(id)]) return false;
      for (const Node* reader : readers_[Index(id)]) {
        if (!Gathers(*reader, id)) return false;
        lists_.push_back(reader->outputs[0]);
      }
    }
    return true;
  }

  // Whether a list is read by one suppression, and by that which it selects.
  bool IsSorted(ValueId list) {
    if (escapes_[Index(list)]) return false;
    for (const Node* reader : readers_[Index(list)]) {
      if (reader->op != "BatchedNonMaxSuppression" || reader->domain != kKingletDomain) continue;
      if (suppression_ != nullptr && suppression_ != reader) return false;
      suppression_ = reader;
    }
    return suppression_ != nullptr &&
           std::all_of(
               readers_[Index(list)].begin(), readers_[Index(list)].end(), [&](const Node* reader) {
                 return reader == suppression_ ||
                        (Gathers(*reader, suppression_->outputs[0]) && reader->inputs[0] == list);
               });
  }

  // Whether what the suppression selects is nothing but what is gathered of the lists.
  bool SelectsOnly() const {
    const auto is_list = [&](ValueId id) { return IsList(id); };
    const ValueId selected = suppression_->outputs[0];
    const auto& readers = readers_[Index(selected)];
    return !escapes_[Index(selected)] &&
           std::all_of(suppression_->inputs.begin(), suppression_->inputs.end(), is_list) &&
           std::all_of(readers.begin(), readers.end(), [&](const Node* reader) {
             return Gathers(*reader, selected) && IsList(reader->inputs[0]);
           });
  }

  std::vector<std::vector<const Node*>> readers_;  // by value
  std::vector<bool> escapes_;                      // outputs, and what subgraphs read
  std::vector<ValueId> lists_;
  const Node* suppression_ = nullptr;
};

}  // namespace

void LeaveUnsorted(GraphIr& graph, const PassOptions&) {
  const auto is_candidates = [](const Node& node) {
    return node.op == "ThresholdTopK" && node.domain == kKingletDomain;
  };
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), is_candidates)) return;
  OrderReaders readers(graph);
  for (Node& node : graph.nodes) {
    if (is_candidates(node) && readers.OnlySuppressionReads(node)) {
      node.attributes.Set("sorted", std::int64_t{0});
    }
  }
}

}  // namespace kinglet
