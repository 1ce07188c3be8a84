#include "converters/onnx/context.h"

#include <algorithm>

namespace kinglet::converters {
namespace {

void Charge(std::int64_t count, std::int64_t limit, const char* what, const char* option,
            const Place& place, std::int64_t& used) {
  if (count > limit - used) {
    Fail(ErrorCode::kResource, place,
         "the model has more than " + std::to_string(limit) + " " + what +
             ", the limit for a model (OnnxLimits" + option + ")");
  }
  used += count;
}

}  // namespace

void Context::ChargeNode(const Place& place) {
  Charge(1, limits.nodes, "nodes", "::nodes", place, nodes);
}

void Context::ChargeValues(std::int64_t count, const Place& place) {
  Charge(count, limits.values, "mentions of tensors", "::values", place, values);
}

void Context::ChargeAttributeElements(std::int64_t count, const Place& place) {
  Charge(count, limits.attribute_elements, "attribute elements", "::attribute_elements", place,
         attribute_elements);
}

void Context::ChargeTensor(std::int64_t bytes, const Place& place) {
  if (bytes > limits.tensor_bytes) {
    Fail(ErrorCode::kResource, place,
         "holds " + std::to_string(bytes) + " bytes, more than the limit of " +
             std::to_string(limits.tensor_bytes) +
             " for a tensor (--max-tensor-bytes, OnnxLimits::tensor_bytes)");
  }
  Charge(bytes, limits.total_tensor_bytes, "bytes of tensors",
         "::total_tensor_bytes, --max-model-bytes", place, tensor_bytes);
}

std::string Context::Name(std::string_view name, const Place& place) const {
  if (static_cast<std::int64_t>(name.size()) > limits.name_bytes) {
    Fail(ErrorCode::kResource, place,
         "the name " + Quoted(name) + " has " + std::to_string(name.size()) +
             " bytes, more than the limit of " + std::to_string(limits.name_bytes) +
             " (OnnxLimits)");
  }
  return Printable(name);
}

std::string TakenNames::Unique(std::string name) {
  const auto [it, added] = names_.emplace(name, 1);
  if (added) return name;
  int& count = it->second;  // stays where it is while names are added
  std::string next;
  do {
    next = name + "_" + std::to_string(++count);
  } while (!names_.emplace(next, 1).second);
  return next;
}

void Context::Note(std::string note) {
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(std::move(note));
}

}  // namespace kinglet::converters
