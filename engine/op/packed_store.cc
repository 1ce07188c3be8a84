#include "engine/op/packed_store.h"

namespace kinglet {

const void* PackedStore::Get(ValueId value, const std::string& form, std::size_t bytes,
                             const std::function<void(void*)>& fill) {
  const std::lock_guard lock(mutex_);
  Tensor& tensor = forms_[{value, form}];
  if (!tensor.defined()) {
    Tensor made(DataType::kUInt8, {static_cast<std::int64_t>(bytes)});
    fill(made.raw());
    tensor = std::move(made);
  }
  return tensor.raw();
}

std::size_t PackedStore::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& [key, tensor] : forms_) total += tensor.bytes();
  return total;
}

}  // namespace kinglet
