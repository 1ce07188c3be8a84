#include "engine/graph/fingerprint.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>
#include <variant>

namespace kinglet {
namespace {

void AddText(Fingerprint& print, const std::string& text) { print.Add(text.data(), text.size()); }

void AddTensor(Fingerprint& print, const Tensor& tensor) {
  print.Add(static_cast<std::uint64_t>(tensor.type()));
  print.Add(tensor.shape().data(), tensor.shape().size() * sizeof(std::int64_t));
  print.Add(tensor.raw(), tensor.bytes());
}

void AddIds(Fingerprint& print, const std::vector<ValueId>& ids) {
  print.Add(ids.data(), ids.size() * sizeof(ValueId));
}

void AddAttribute(Fingerprint& print, const Attribute& attribute) {
  print.Add(attribute.index());
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_arithmetic_v<T>) {
          print.Add(&value, sizeof value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          AddText(print, value);
        } else if constexpr (std::is_same_v<T, Tensor>) {
          AddTensor(print, value);
        } else if constexpr (std::is_same_v<T, std::shared_ptr<GraphIr>>) {
          print.Add(FingerprintOf(*value));
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          print.Add(value.size());
          for (const std::string& text : value) AddText(print, text);
        } else {
          print.Add(value.data(), value.size() * sizeof value[0]);
        }
      },
      attribute);
}

}  // namespace

void Fingerprint::Add(const void* bytes, std::size_t count) {
  Add(count);
  const char* at = static_cast<const char*>(bytes);
  for (std::size_t i = 0; i < count; i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + i, std::min(count - i, sizeof word));
    Add(word);
  }
}

std::uint64_t FingerprintOf(const GraphIr& graph) {
  Fingerprint print;
  AddIds(print, graph.inputs);
  AddIds(print, graph.outputs);
  for (const Value& value : graph.values) {
    print.Add(value.is_constant());
    if (value.is_constant()) AddTensor(print, value.constant);
  }
  for (const Node& node : graph.nodes) {
    AddText(print, node.op);
    AddText(print, node.domain);
    print.Add(static_cast<std::uint64_t>(node.opset));
    AddIds(print, node.inputs);
    AddIds(print, node.outputs);
    for (const auto& [name, attribute] : node.attributes) {
      AddText(print, name);
      AddAttribute(print, attribute);
    }
  }
  return print.value();
}

}  // namespace kinglet
