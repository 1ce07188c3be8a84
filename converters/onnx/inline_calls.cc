// Calls of functions that the model defines: the function's nodes stand where the call stood, with
// the call's inputs, outputs and attributes in place of the function's.
#include <algorithm>
#include <string>
#include <utility>

#include "converters/onnx/graph_reader.h"
#include "engine/op/op.h"

namespace kinglet::converters {

void GraphReader::PutInPlace(std::vector<NodeParts> nodes, const Call* scope,
                             std::vector<ScopedNode>& all) {
  for (NodeParts& node : nodes) {
    if (node.is_constant) continue;
    const Function* function = FindFunction(node.domain, node.op, node.overload, context_);
    if (function == nullptr) {
      all.push_back({std::move(node), scope});
    } else {
      PutCallInPlace(node, *function, scope, Place(place_, "node", node.name, node.index, node.op),
                     all);
    }
  }
}

void GraphReader::PutCallInPlace(const NodeParts& node, const Function& function, const Call* scope,
                                 const Place& place, std::vector<ScopedNode>& all) {
  // Longer ones begin with the innermost call.
  constexpr std::size_t kPrefixBytes = 160;
  CheckCallDepth(function, scope, context_, place);
  Call& call = calls_.emplace_back();
  call.function = &function;
  call.caller = scope;
  call.reader = this;
  call.prefix = scope == nullptr ? Shortened(node.name) : scope->NameOf(node.name);
  if (call.prefix.size() > kPrefixBytes) call.prefix = Shortened(node.name);
  BindInputs(node, place, call);
  BindAttributes(node.attributes, scope, place, call);
  const std::string label = function.Label();
  const Place inside(place, "function", label);
  for (std::size_t i = 0; i < function.nodes.size(); ++i) context_.ChargeNode(inside);
  std::vector<NodeParts> body = ScanNodes(function.nodes, inside);
  DefineBody(body, node, inside, call);
  JoinOutputs(node, inside, call);
  PutInPlace(std::move(body), &call, all);
}

void GraphReader::BindInputs(const NodeParts& node, const Place& place, Call& call) {
  const std::vector<std::string_view>& names = call.function->inputs;
  for (std::size_t i = 0; i < std::max(names.size(), node.inputs.size()); ++i) {
    const std::string_view given = i < node.inputs.size() ? node.inputs[i] : std::string_view();
    if (i >= names.size()) {
      if (given.empty()) continue;
      Invalid(place, "has " + std::to_string(node.inputs.size()) + " inputs, the function '" +
                         call.function->Label() + "' has " + std::to_string(names.size()));
    }
    const ValueId id = given.empty() ? kNoValue : FindInput(given, call.caller, place);
    if (!call.ids.emplace(names[i], id).second) {
      Invalid(place,
              "the function '" + call.function->Label() + "' has two inputs " + Quoted(names[i]));
    }
  }
}

// A value that is an output of the call has the call's name for it.
void GraphReader::DefineBody(std::vector<NodeParts>& body, const NodeParts& node,
                             const Place& place, Call& call) {
  std::unordered_map<std::string_view, ValueId> outputs;
  const std::vector<std::string_view>& names = call.function->outputs;
  for (std::size_t i = 0; i < std::min(names.size(), node.outputs.size()); ++i) {
    if (!node.outputs[i].empty()) {
      outputs.emplace(names[i], *FindHere(node.outputs[i], call.caller));
    }
  }
  for (NodeParts& made : body) {
    const Place own(place, "node", made.name, made.index, made.op);
    for (const std::string_view name : made.outputs) {
      if (name.empty()) continue;
      const auto output = outputs.find(name);
      ValueId id = kNoValue;
      if (output != outputs.end()) {
        id = output->second;
      } else {
        context_.Name(name, own);
        id = graph_->AddValue({});
        graph_->value(id).name = context_.value_names.Unique(call.NameOf(name));
      }
      if (!call.ids.emplace(name, id).second) {
        Invalid(own, "the name " + Quoted(name) +
                         " is taken already by another input or node output of the function");
      }
    }
    if (!made.IsConstantNode()) continue;
    if (made.outputs.size() != 1 || !made.inputs.empty()) {
      Invalid(own, "expected no input and one output");
    }
    SetConstant(call.ids.find(made.outputs[0])->second,
                ReadConstant(made.attributes, context_, *this, &call, own));
    made.is_constant = true;
  }
}

// Outputs that no node of the function makes, being inputs of it or listed before, are made here.
void GraphReader::JoinOutputs(const NodeParts& node, const Place& place, const Call& call) {
  const std::vector<std::string_view>& names = call.function->outputs;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    if (i >= names.size()) {
      Invalid(place, "has " + std::to_string(names.size()) + " outputs, the call has " +
                         std::to_string(node.outputs.size()));
    }
    const auto made = call.ids.find(names[i]);
    if (made == call.ids.end() || made->second == kNoValue) {
      Invalid(place, "the output " + Quoted(names[i]) + " is made by no node of the function");
    }
    const ValueId output = *FindHere(node.outputs[i], call.caller);
    if (made->second == output) continue;
    context_.ChargeNode(place);
    Node identity;
    identity.name = context_.node_names.Unique(call.NameOf(names[i]));
    identity.op = "Identity";
    const auto opset = context_.opsets.find("");
    identity.opset = opset == context_.opsets.end() ? kMaxOpset : opset->second;
    identity.inputs = {made->second};
    identity.outputs = {output};
    graph_->AddNode(std::move(identity));
  }
}

}  // namespace kinglet::converters
