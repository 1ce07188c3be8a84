#include "engine/runtime/fresh_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

namespace kinglet {

Tensor FreshFloats(std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  constexpr std::size_t kSlack = 16;  // floats behind, for kernels that read over the end
  const std::size_t count = bytes / sizeof(float) + kSlack;
  const std::size_t size = count * sizeof(float);
  const bool huge = size >= kHugePage;
  const std::size_t mapped = size + (huge ? kHugePage : 0);
  void* const memory =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const std::shared_ptr<const void> owner(
      memory, [mapped](const void* start) { munmap(const_cast<void*>(start), mapped); });
  auto address = reinterpret_cast<std::uintptr_t>(memory);
  if (huge) address = (address + kHugePage - 1) / kHugePage * kHugePage;
  auto* const floats = reinterpret_cast<float*>(address);
#ifdef MADV_HUGEPAGE
  if (huge) madvise(floats, size / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  std::fill_n(floats, count, 0.5f);
  return Tensor::Wrap(DataType::kFloat32, {static_cast<std::int64_t>(count)}, floats, size, owner);
}

}  // namespace kinglet
