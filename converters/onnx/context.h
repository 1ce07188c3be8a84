// What every part of the ONNX reader shares while it reads one model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converters/common/external_files.h"
#include "converters/common/place.h"
#include "converters/onnx/functions.h"
#include "kinglet/onnx.h"

namespace kinglet::converters {

// Names of a file, so that those of values and nodes inside of functions differ from all of them.
class TakenNames {
 public:
  void Take(const std::string& name) { names_.emplace(name, 1); }
  // The name, with a number behind it where it is taken.
  std::string Unique(std::string name);

 private:
  std::unordered_map<std::string, int> names_;  // how many were made of each
};

struct Context {
  OnnxLimits limits;
  std::string source;  // file name for messages, printable
  // Keeps the model's bytes alive for tensors that are views of them; null: tensors are copies.
  std::shared_ptr<const void> owner;
  ExternalFiles* external = nullptr;  // null: external data is refused
  bool without_data = false;          // as in ReadOptions

  Opsets opsets;
  Functions functions;
  TakenNames value_names, node_names;
  std::vector<std::string> notes;  // what a person should know of the model

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

  // Each note once.
  void Note(std::string note);
};

// "ai.onnx" is another name of the default domain.
inline std::string_view NormalDomain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

}  // namespace kinglet::converters
