#include "engine/graph/attributes.h"

#include "kinglet/error.h"

namespace kinglet {

void Attributes::Erase(std::string_view name) {
  if (const auto it = map_.find(name); it != map_.end()) map_.erase(it);
}

template <typename T>
const T* Attributes::Find(std::string_view name, const char* wanted) const {
  const auto it = map_.find(name);
  if (it == map_.end()) return nullptr;
  const T* value = std::get_if<T>(&it->second);
  if (value == nullptr) {
    throw Error(ErrorCode::kInvalidModel,
                "attribute '" + std::string(name) + "' has the wrong type, expected " + wanted);
  }
  return value;
}

std::int64_t Attributes::Int(std::string_view name, std::int64_t fallback) const {
  const auto* value = Find<std::int64_t>(name, "int");
  return value ? *value : fallback;
}
float Attributes::Float(std::string_view name, float fallback) const {
  const auto* value = Find<float>(name, "float");
  return value ? *value : fallback;
}
std::string Attributes::String(std::string_view name, std::string_view fallback) const {
  const auto* value = Find<std::string>(name, "string");
  return value ? *value : std::string(fallback);
}
std::vector<std::int64_t> Attributes::Ints(std::string_view name) const {
  const auto* value = Find<std::vector<std::int64_t>>(name, "ints");
  return value ? *value : std::vector<std::int64_t>{};
}
std::vector<float> Attributes::Floats(std::string_view name) const {
  const auto* value = Find<std::vector<float>>(name, "floats");
  return value ? *value : std::vector<float>{};
}
std::vector<std::string> Attributes::Strings(std::string_view name) const {
  const auto* value = Find<std::vector<std::string>>(name, "strings");
  return value ? *value : std::vector<std::string>{};
}
const Tensor* Attributes::TensorOrNull(std::string_view name) const {
  return Find<Tensor>(name, "tensor");
}
const GraphIr* Attributes::GraphOrNull(std::string_view name) const {
  const auto* value = Find<std::shared_ptr<GraphIr>>(name, "graph");
  return value ? value->get() : nullptr;
}

}  // namespace kinglet
