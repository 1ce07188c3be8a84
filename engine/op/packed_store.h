// Packed forms of constants, each made once: immutable afterwards, addressed by (value, form).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "engine/graph/ir.h"
#include "kinglet/tensor.h"

namespace kinglet {

class PackedStore {
 public:
  // The memory of this form, 64-byte aligned; `fill` writes all of it the first time. Thread-safe.
  // Throws Error(kResource) when there is no memory.
  const void* Get(ValueId value, const std::string& form, std::size_t bytes,
                  const std::function<void(void*)>& fill);
  std::size_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<ValueId, std::string>, Tensor> forms_;
};

}  // namespace kinglet
