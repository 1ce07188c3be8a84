// The candidates of detectors, as PyTorch's are exported, become one operator. For each class, or
// each level of a pyramid, there is
//   above = NonZero(Greater(x, threshold))
//   values, best = TopK(GatherND(x, above), min(k, size))
// and something gathered by above, then by best: that is what x[rows] of ThresholdTopK says. Lists
// of neighbouring columns of a matrix that are joined behind it are one operator together.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/graph/fusion.h"
#include "engine/passes/match.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

bool IsOperator(const Node& node, std::string_view op) {
  return node.op == op && node.domain.empty();
}

// Elements of a list that are above a threshold.
struct Above {
  ValueId list, mask;
  float threshold;
};

// The mask of the list whose positions, {count, 1}, the value is: Transpose(NonZero(mask)).
ValueId MaskOfPositions(const GraphIr& graph, ValueId id) {
  const Node* transpose = Maker(graph, id, "Transpose");
  if (transpose == nullptr) return kNoValue;
  const Ints order = transpose->attributes.Ints("perm");
  if (!order.empty() && order != Ints{1, 0}) return kNoValue;
  const Node* found = Maker(graph, transpose->inputs[0], "NonZero");
  return found != nullptr ? found->inputs[0] : kNoValue;
}

// The same for positions {count}: Squeeze(Split(positions)), or without the Split into one part.
ValueId MaskOfFlatPositions(const GraphIr& graph, ValueId id) {
  const Node* squeeze = Maker(graph, id, "Squeeze");
  if (squeeze == nullptr || SqueezedAxes(graph, *squeeze) != Ints{1}) return kNoValue;
  const Node* split = Maker(graph, squeeze->inputs[0], "Split");
  const bool whole = split != nullptr && split->outputs.size() == 1;
  return MaskOfPositions(graph, whole ? split->inputs[0] : squeeze->inputs[0]);
}

// What a list of scores is filtered by: GatherND(list, positions where list > threshold).
std::optional<Above> FilteredBy(const GraphIr& graph, ValueId id) {
  const Node* filtered = Maker(graph, id, "GatherND");
  if (filtered == nullptr || filtered->attributes.Int("batch_dims", 0) != 0) return {};
  const ValueId mask = MaskOfPositions(graph, filtered->inputs[1]);
  const Node* greater = Maker(graph, mask, "Greater");
  if (greater == nullptr || greater->inputs[0] != filtered->inputs[0]) return {};
  const auto threshold = ScalarOf(graph, greater->inputs[1]);
  const bool scalar = threshold && graph.ConstantOf(greater->inputs[1])->shape().size() <= 1;
  return scalar ? std::optional(Above{greater->inputs[0], mask, *threshold}) : std::nullopt;
}

// k where the value is min(k, the number of elements that pass): a constant and the length of
// something with as many elements, joined, and the least of these.
std::optional<std::int64_t> LimitOf(const GraphIr& graph, ValueId id, ValueId filtered,
                                    ValueId mask) {
  const Node* reshape = Maker(graph, id, "Reshape");
  if (reshape == nullptr || IntsOf(graph, reshape->input(1)) != Ints{1}) return {};
  const Node* least = Maker(graph, reshape->inputs[0], "ReduceMin");
  const Node* both = least != nullptr ? Maker(graph, least->inputs[0], "Concat") : nullptr;
  if (both == nullptr || both->inputs.size() != 2 || least->input(1) != kNoValue) return {};
  const auto k = IntsOf(graph, both->inputs[0]);
  const auto length = Unsqueezed(graph, both->inputs[1], 0);
  if (!k || k->size() != 1 || (*k)[0] < 0 || !length) return {};
  const Node* size = Maker(graph, *length, "Gather");
  const Node* shape = size != nullptr ? Maker(graph, size->inputs[0], "Shape") : nullptr;
  if (shape == nullptr || IntsOf(graph, size->inputs[1]) != Ints{0}) return {};
  const bool fits = shape->inputs[0] == filtered ||
                    (mask != kNoValue && MaskOfFlatPositions(graph, shape->inputs[0]) == mask);
  return fits ? std::optional((*k)[0]) : std::nullopt;
}

// Turns TopK nodes into ThresholdTopK, whose positions are those in the unfiltered list.
class ListFuser {
 public:
  ListFuser(GraphIr& graph, const std::vector<TensorState>& states)
      : graph_(graph), states_(states), rewriter_(graph), masks_(graph.values.size(), kNoValue) {
    readers_.resize(graph.values.size());
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      for (const ValueId id : graph.nodes[n].inputs) {
        if (id != kNoValue) readers_[Index(id)].push_back(n);
      }
      for (const ValueId id : CapturedValues(graph.nodes[n])) escapes_.push_back(id);
    }
    escapes_.insert(escapes_.end(), graph.outputs.begin(), graph.outputs.end());
  }

  void Run() {
    rewriter_.Sweep([&](Node& node) {
      if (IsOperator(node, "TopK")) Fuse(node);
      if (IsOperator(node, "Gather") && masks_[Index(node.inputs[1])] != kNoValue) Redirect(node);
    });
  }

 private:
  static std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }

  // Whether a Gather by the positions of the best reads something filtered by this mask.
  bool ReadsFiltered(const Node& reader, ValueId best, ValueId mask) const {
    if (!IsOperator(reader, "Gather") || reader.attributes.Int("axis", 0) != 0) return false;
    if (reader.inputs[1] != best || reader.inputs[0] == best) return false;
    if (MaskOfFlatPositions(graph_, reader.inputs[0]) == mask) return true;
    const Node* filtered = Maker(graph_, reader.inputs[0], "GatherND");
    return filtered != nullptr && filtered->attributes.Int("batch_dims", 0) == 0 &&
           MaskOfPositions(graph_, filtered->inputs[1]) == mask;
  }

  void Fuse(Node& node) {
    const bool best_first = node.attributes.Int("largest", 1) != 0;
    const std::int64_t axis = node.attributes.Int("axis", -1);
    if (!best_first || axis < -1 || axis > 0 || node.inputs.size() != 2) return;
    if (node.outputs.size() != 2 || node.outputs[1] == kNoValue) return;
    const auto above = FilteredBy(graph_, node.inputs[0]);
    if (!above) return;
    const TensorState& list = states_[Index(above->list)];
    if (list.type != DataType::kFloat32 || list.shape.size() != 1) return;
    const auto k = LimitOf(graph_, node.inputs[1], node.inputs[0], above->mask);
    const ValueId best = node.outputs[1];
    if (!k || std::find(escapes_.begin(), escapes_.end(), best) != escapes_.end()) return;
    for (const std::size_t reader : readers_[Index(best)]) {
      if (!ReadsFiltered(graph_.nodes[reader], best, above->mask)) return;
    }
    masks_[Index(best)] = above->mask;
    node.op = "ThresholdTopK";
    node.domain = kKingletDomain;
    node.opset = kKingletOpset;
    node.inputs = {above->list};
    node.attributes = {};
    node.attributes.Set("threshold", above->threshold);
    node.attributes.Set("k", *k);
  }

  // A Gather by `best` reads what is not filtered by the positions there.
  void Redirect(Node& gather) {
    if (const Node* filtered = Maker(graph_, gather.inputs[0], "GatherND")) {
      gather.inputs[0] = filtered->inputs[0];
    } else {
      rewriter_.Rename(gather.outputs[0], gather.inputs[1]);
    }
  }

  GraphIr& graph_;
  const std::vector<TensorState>& states_;
  Rewriter rewriter_;
  std::vector<ValueId> masks_;                     // by value: of the positions that it holds
  std::vector<std::vector<std::size_t>> readers_;  // by value
  std::vector<ValueId> escapes_;                   // outputs, and what subgraphs read
};

// Lists of one column each that were joined.
struct Joined {
  enum class What { kNothing, kValues, kLabels, kRows };
  What what = What::kNothing;
  std::vector<NodeId> lists;
  ValueId data = kNoValue;       // kRows: what is gathered
  std::int64_t first_label = 0;  // kLabels

  void Merge(const Joined& other, std::int64_t at) {
    const bool fits = what == other.what && data == other.data &&
                      other.first_label - first_label == (what == What::kLabels ? at : 0);
    if (!fits) what = What::kNothing;
    lists.insert(lists.end(), other.lists.begin(), other.lists.end());
  }
};

class ColumnFuser {
 public:
  ColumnFuser(GraphIr& graph, const std::vector<TensorState>& states)
      : graph_(graph), states_(states) {}

  void Run() {
    std::vector<Joined> joined;
    bool any = false;
    for (const Node& node : graph_.nodes) {
      joined.push_back(JoinedBy(node));
      any = any || joined.back().what != Joined::What::kNothing;
    }
    if (!any) return;
    // The operator stands before the first node that it replaces; it makes their outputs.
    for (std::size_t n = 0; n < joined.size(); ++n) {
      if (joined[n].what != Joined::What::kNothing) Count(joined[n], graph_.nodes[n]);
    }
    std::vector<Node> nodes;
    for (std::size_t n = 0; n < joined.size(); ++n) {
      Node& node = graph_.nodes[n];
      if (joined[n].what != Joined::What::kNothing) {
        Matrix& matrix = matrices_.at(joined[n].lists);
        if (!std::exchange(matrix.stands, true)) nodes.push_back(matrix.node);
        if (joined[n].what != Joined::What::kRows) continue;
        node.op = "Gather";
        node.inputs = {joined[n].data, matrix.node.outputs[1]};
        node.attributes = {};
      }
      nodes.push_back(std::move(node));
    }
    graph_.nodes.clear();
    for (Node& node : nodes) graph_.AddNode(std::move(node));
  }

 private:
  struct Column {
    ValueId matrix;
    std::int64_t number;
  };
  struct Matrix {
    Node node;
    bool stands = false;
  };

  std::optional<Column> ColumnOf(const Node& list) const {
    const Node* gather = Maker(graph_, list.inputs[0], "Gather");
    const auto number =
        gather != nullptr ? IntsOf(graph_, gather->inputs[1]) : std::optional<Ints>();
    if (!number || !graph_.ConstantOf(gather->inputs[1])->shape().empty()) return {};
    const TensorState& matrix = states_[static_cast<std::size_t>(gather->inputs[0])];
    const std::int64_t axis = gather->attributes.Int("axis", 0);
    if (matrix.shape.size() != 2 || (axis != 1 && axis != -1) || (*number)[0] < 0) return {};
    return Column{gather->inputs[0], (*number)[0]};
  }

  // What one input of a Concat is.
  Joined ListOf(ValueId id) const {
    Joined result;
    ValueId from = id;
    if (const Node* filled = Maker(graph_, id, "ConstantOfShape")) {
      const Node* shape = Maker(graph_, filled->inputs[0], "Shape");
      const Tensor* value = filled->attributes.TensorOrNull("value");
      if (shape == nullptr || shape->attributes.Has("start") || shape->attributes.Has("end") ||
          value == nullptr || value->type() != DataType::kInt64 || value->size() != 1) {
        return {};
      }
      result.what = Joined::What::kLabels;
      result.first_label = value->data<std::int64_t>()[0];
      from = shape->inputs[0];
    } else if (const Node* gather = Maker(graph_, id, "Gather")) {
      if (gather->attributes.Int("axis", 0) != 0) return {};
      result.what = Joined::What::kRows;
      result.data = gather->inputs[0];
      from = gather->inputs[1];
    } else {
      result.what = Joined::What::kValues;
    }
    const Node* list = Maker(graph_, from, "ThresholdTopK", kKingletDomain);
    const bool rows = result.what == Joined::What::kRows;
    if (list == nullptr || list->outputs[rows ? 1 : 0] != from || !ColumnOf(*list)) return {};
    result.lists = {graph_.value(from).producer};
    return result;
  }

  // All inputs the same of neighbouring columns of one matrix.
  Joined JoinedBy(const Node& node) const {
    if (!IsOperator(node, "Concat") || node.attributes.Int("axis", 0) != 0) return {};
    Joined all;
    std::optional<Column> first;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Joined one = ListOf(node.inputs[i]);
      if (one.what == Joined::What::kNothing) return {};
      const Node& list = graph_.nodes[static_cast<std::size_t>(one.lists[0])];
      const Column column = *ColumnOf(list);
      if (i == 0) {
        all = one;
        first = column;
        continue;
      }
      const Node& other = graph_.nodes[static_cast<std::size_t>(all.lists[0])];
      const bool same =
          list.attributes.Int("k", 0) == other.attributes.Int("k", 0) &&
          list.attributes.Float("threshold", 0) == other.attributes.Float("threshold", 0);
      const auto at = static_cast<std::int64_t>(i);
      if (!same || column.matrix != first->matrix || column.number != first->number + at) return {};
      all.Merge(one, at);
      if (all.what == Joined::What::kNothing) return {};
    }
    return all;
  }

  // Makes the operator for these lists, or adds an output to it.
  void Count(const Joined& joined, const Node& concat) {
    const auto [at, added] = matrices_.try_emplace(joined.lists);
    Node& node = at->second.node;
    if (added) {
      const Node& list = graph_.nodes[static_cast<std::size_t>(joined.lists[0])];
      const Column column = *ColumnOf(list);
      node.name = list.name;
      node.op = list.op;
      node.domain = list.domain;
      node.opset = list.opset;
      node.attributes = list.attributes;
      node.inputs = {column.matrix};
      node.outputs = {kNoValue, kNoValue, kNoValue};
      node.attributes.Set("first_column", column.number);
      node.attributes.Set("columns", static_cast<std::int64_t>(joined.lists.size()));
    }
    if (joined.what == Joined::What::kValues) {
      node.outputs[0] = concat.outputs[0];
    } else if (joined.what == Joined::What::kLabels) {
      node.outputs[2] = concat.outputs[0];
      node.attributes.Set("first_label", joined.first_label);
    } else if (node.outputs[1] == kNoValue) {
      Value rows;
      rows.name = node.name + ":rows";
      node.outputs[1] = graph_.AddValue(std::move(rows));
    }
  }

  GraphIr& graph_;
  const std::vector<TensorState>& states_;
  std::map<std::vector<NodeId>, Matrix> matrices_;
};

}  // namespace

void FuseCandidates(GraphIr& graph, const PassOptions& options) {
  const bool any = std::any_of(graph.nodes.begin(), graph.nodes.end(),
                               [](const Node& node) { return IsOperator(node, "TopK"); });
  if (!any) return;
  const std::vector<TensorState> states = ProbeShapes(graph, options);
  ListFuser(graph, states).Run();
  ColumnFuser(graph, states).Run();
}

}  // namespace kinglet
