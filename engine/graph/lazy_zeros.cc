#include "engine/graph/lazy_zeros.h"

#include <cstdint>
#include <cstdlib>
#include <limits>

namespace kinglet {

std::shared_ptr<void> LazyZeroBytes(std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;
  if (bytes > std::numeric_limits<std::size_t>::max() - kAlignment) return nullptr;
  void* memory = std::calloc(bytes + kAlignment, 1);
  if (memory == nullptr) return nullptr;
  const std::shared_ptr<void> owner(memory, [](void* p) { std::free(p); });
  const std::size_t skip = kAlignment - reinterpret_cast<std::uintptr_t>(memory) % kAlignment;
  return {owner, static_cast<char*>(memory) + skip};
}

}  // namespace kinglet
