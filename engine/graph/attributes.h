// Attributes of a node: constants known when the model was written.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kinglet/tensor.h"

namespace kinglet {

struct GraphIr;

using Attribute =
    std::variant<std::int64_t, float, std::string, Tensor, std::shared_ptr<GraphIr>,
                 std::vector<std::int64_t>, std::vector<float>, std::vector<std::string>>;

// Getters return the fallback when the attribute is absent, and throw Error(kInvalidModel) naming
// the attribute when it has another type; callers add the node by catching nothing: shape inference
// and planning wrap every error with the node's name.
class Attributes {
 public:
  bool Has(std::string_view name) const { return map_.find(name) != map_.end(); }
  void Set(std::string name, Attribute value) { map_[std::move(name)] = std::move(value); }
  void Erase(std::string_view name);

  std::int64_t Int(std::string_view name, std::int64_t fallback) const;
  float Float(std::string_view name, float fallback) const;
  std::string String(std::string_view name, std::string_view fallback) const;
  std::vector<std::int64_t> Ints(std::string_view name) const;  // empty when absent
  std::vector<float> Floats(std::string_view name) const;       // empty when absent
  std::vector<std::string> Strings(std::string_view name) const;
  const Tensor* TensorOrNull(std::string_view name) const;
  const GraphIr* GraphOrNull(std::string_view name) const;

  auto begin() const { return map_.begin(); }
  auto end() const { return map_.end(); }

 private:
  template <typename T>
  const T* Find(std::string_view name, const char* wanted) const;

  std::map<std::string, Attribute, std::less<>> map_;
};

}  // namespace kinglet
