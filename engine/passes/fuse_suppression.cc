// The suppression of boxes in groups, as PyTorch's detectors are exported, becomes one operator:
//   boxes == [] ? [] : NonMaxSuppression(boxes + group * (max(boxes) + 1), scores)[:, 2]
// and what follows it, [0 : count], its limit, so that no more is looked for.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "engine/graph/fusion.h"
#include "engine/passes/match.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {

void FoldConstants(GraphIr& graph, const PassOptions& options);

namespace {

// Slices of one axis with a step of 1 by constants.
struct Part {
  ValueId of;
  std::int64_t begin, end;
};
std::optional<Part> FirstAxisPart(const GraphIr& graph, const Node& slice) {
  if (slice.opset < 10) return {};
  const auto begin = IntsOf(graph, slice.input(1)), end = IntsOf(graph, slice.input(2));
  const auto axes = slice.input(3) == kNoValue ? Ints{0} : IntsOf(graph, slice.input(3));
  const auto steps = slice.input(4) == kNoValue ? Ints{1} : IntsOf(graph, slice.input(4));
  if (!begin || begin->size() != 1 || !end || end->size() != 1) return {};
  if (axes != Ints{0} || steps != Ints{1}) return {};
  return Part{slice.inputs[0], (*begin)[0], (*end)[0]};
}

ValueId BehindWholeSlice(const GraphIr& graph, ValueId id) {
  const Node* slice = Maker(graph, id, "Slice");
  if (slice == nullptr) return id;
  const auto part = FirstAxisPart(graph, *slice);
  const bool whole =
      part && part->begin == 0 && part->end >= std::numeric_limits<std::int32_t>::max();
  return whole ? part->of : id;
}

// Suppression in groups as the subgraph writes it, by values of the subgraph.
struct Suppression {
  ValueId boxes, scores, groups;
  float iou_threshold;
  std::int64_t max_output;
};

// {groups, boxes} where the value is boxes + Unsqueeze(groups * (ReduceMax(boxes) + 1), 1).
std::optional<std::pair<ValueId, ValueId>> MovedApart(const GraphIr& body, ValueId id) {
  const Node* moved = Maker(body, id, "Add");
  if (moved == nullptr) return {};
  const auto offset = Unsqueezed(body, moved->inputs[1], 1);
  const Node* product = offset ? Maker(body, BehindWholeSlice(body, *offset), "Mul") : nullptr;
  const Node* distance = product != nullptr ? Maker(body, product->inputs[1], "Add") : nullptr;
  if (distance == nullptr || ScalarOf(body, distance->inputs[1]) != 1.0f) return {};
  const Node* greatest = Maker(body, distance->inputs[0], "ReduceMax");
  const bool of_all = greatest != nullptr && greatest->inputs[0] == moved->inputs[0] &&
                      greatest->input(1) == kNoValue && !greatest->attributes.Has("axes") &&
                      greatest->attributes.Int("keepdims", 1) == 0 &&
                      greatest->attributes.Int("noop_with_empty_axes", 0) == 0;
  if (!of_all) return {};
  return std::pair(BehindFloatCast(body, product->inputs[0]), moved->inputs[0]);
}

// The NonMaxSuppression whose selected boxes, the last column, the value is.
const Node* SelectedBy(const GraphIr& body, ValueId id) {
  const Node* squeeze = Maker(body, id, "Squeeze");
  if (squeeze == nullptr || SqueezedAxes(body, *squeeze) != Ints{1}) return nullptr;
  const Node* column = Maker(body, squeeze->inputs[0], "Gather");
  const Tensor* index = column != nullptr ? body.ConstantOf(column->inputs[1]) : nullptr;
  if (index == nullptr || index->shape() != Shape{1}) return nullptr;
  if (IntsOf(body, column->inputs[1]) != Ints{2} || column->attributes.Int("axis", 0) != 1) {
    return nullptr;
  }
  return Maker(body, column->inputs[0], "NonMaxSuppression");
}

std::optional<Suppression> SuppressionOf(const GraphIr& body) {
  if (body.outputs.size() != 1) return {};
  const Node* nms = SelectedBy(body, body.outputs[0]);
  if (nms == nullptr || nms->input(4) != kNoValue) return {};
  if (nms->attributes.Int("center_point_box", 0) != 0) return {};
  const auto most = IntsOf(body, nms->input(2));
  const auto threshold = ScalarOf(body, nms->input(3));
  if (!most || most->size() != 1 || !threshold || !(*threshold >= 0 && *threshold <= 1)) return {};
  const auto one_image = Unsqueezed(body, BehindFloatCast(body, nms->inputs[0]), 0);
  const auto one_class = Unsqueezed(body, BehindFloatCast(body, nms->inputs[1]), 0);
  const auto scores = one_class ? Unsqueezed(body, *one_class, 0) : std::nullopt;
  const auto moved = one_image ? MovedApart(body, *one_image) : std::nullopt;
  if (!scores || !moved) return {};
  return Suppression{moved->second, *scores, moved->first, *threshold, (*most)[0]};
}

// The captured value of the graph around a subgraph, if it is one.
ValueId Captured(const GraphIr& body, ValueId inner) {
  for (const Capture& capture : body.captures) {
    if (capture.inner == inner) return capture.outer;
  }
  return kNoValue;
}

// Whether a value says that `boxes` has no elements: Equal(ReduceProd(Shape(boxes)), 0).
bool SaysEmpty(const GraphIr& graph, ValueId id, ValueId boxes) {
  if (const Node* cast = Maker(graph, id, "Cast")) id = cast->inputs[0];
  const Node* equal = Maker(graph, id, "Equal");
  if (equal == nullptr || IntsOf(graph, equal->inputs[1]) != Ints{0}) return false;
  const Node* product = Maker(graph, equal->inputs[0], "ReduceProd");
  const Node* shape = product != nullptr ? Maker(graph, product->inputs[0], "Shape") : nullptr;
  return shape != nullptr && shape->inputs[0] == boxes && shape->attributes.Int("start", 0) == 0 &&
         !shape->attributes.Has("end");
}

bool IsEmptyList(const GraphIr& branch) {
  if (branch.outputs.size() != 1) return false;
  const Tensor* list = branch.ConstantOf(branch.outputs[0]);
  return list != nullptr && list->type() == DataType::kInt64 && list->shape() == Shape{0};
}

// Turns an If into the operator, if that is what it says.
void FuseIf(GraphIr& graph, Node& node, const PassOptions& options) {
  if (node.op != "If" || !node.domain.empty() || node.outputs.size() != 1) return;
  const auto branches = SubgraphsOf(node);
  if (branches.size() != 2) return;
  for (const auto& branch : branches) FoldConstants(*branch, options);
  const GraphIr* empty = node.attributes.GraphOrNull("then_branch");
  const GraphIr* body = node.attributes.GraphOrNull("else_branch");
  if (empty == nullptr || body == nullptr || !IsEmptyList(*empty)) return;
  const std::optional<Suppression> found = SuppressionOf(*body);
  if (!found) return;
  const std::vector<ValueId> inputs = {Captured(*body, found->boxes),
                                       Captured(*body, found->scores),
                                       Captured(*body, found->groups)};
  for (const ValueId id : inputs) {
    if (id == kNoValue) return;
  }
  if (!SaysEmpty(graph, node.inputs[0], inputs[0])) return;
  Attributes attributes;
  attributes.Set("iou_threshold", found->iou_threshold);
  attributes.Set("max_output", found->max_output);
  node.op = "BatchedNonMaxSuppression";
  node.domain = kKingletDomain;
  node.opset = kKingletOpset;
  node.inputs = inputs;
  node.attributes = std::move(attributes);
}

// The first ones of what a suppression selects are all that it has to select.
void LimitTo(Rewriter& rewriter, Node& slice) {
  const GraphIr& graph = rewriter.graph();
  const auto part = FirstAxisPart(graph, slice);
  if (!part || part->begin != 0 || part->end < 0 || !rewriter.SoleUse(part->of)) return;
  const NodeId at = graph.value(part->of).producer;
  if (at == kNoNode) return;
  Node& suppression = rewriter.graph().nodes[static_cast<std::size_t>(at)];
  if (suppression.op != "BatchedNonMaxSuppression" || suppression.domain != kKingletDomain) return;
  const std::int64_t most = suppression.attributes.Int("max_output", 0);
  suppression.attributes.Set("max_output", std::min(most, part->end));
  rewriter.Rename(slice.outputs[0], part->of);
}

}  // namespace

void FuseSuppression(GraphIr& graph, const PassOptions& options) {
  Rewriter rewriter(graph);
  rewriter.Sweep([&](Node& node) {
    FuseIf(graph, node, options);
    if (node.op == "Slice" && node.domain.empty()) LimitTo(rewriter, node);
  });
}

}  // namespace kinglet
