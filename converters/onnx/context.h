// What every part of the ONNX reader shares while it reads one model.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "converters/common/mapped_file.h"
#include "converters/common/place.h"
#include "kinglet/onnx.h"

namespace kinglet::converters {

struct Context {
  OnnxLimits limits;
  std::string source;  // file name for messages, printable
  // Keeps the model's bytes alive for tensors that are views of them; null: tensors are copies.
  std::shared_ptr<const void> owner;
  ExternalFiles* external = nullptr;  // null: external data is refused

  std::map<std::string, int, std::less<>> opsets;  // by domain, "" for ONNX's own
  std::set<std::pair<std::string_view, std::string_view>> functions;  // domain, name

  // Used up so far.
  std::int64_t nodes = 0;
  std::int64_t values = 0;
  std::int64_t attribute_elements = 0;
  std::int64_t tensor_bytes = 0;

  // Each throws Error(kResource) when the limit is passed.
  void ChargeNode(const Place& place);
  void ChargeValues(std::int64_t count, const Place& place);
  void ChargeAttributeElements(std::int64_t count, const Place& place);
  void ChargeTensor(std::int64_t bytes, const Place& place);

  // A name of the file as the graph keeps it: printable, not longer than the limit.
  std::string Name(std::string_view name, const Place& place) const;
};

// "ai.onnx" is another name of the default domain.
inline std::string_view NormalDomain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

}  // namespace kinglet::converters
