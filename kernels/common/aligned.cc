#include "kernels/common/aligned.h"

#include <cstdlib>
#include <cstring>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace kinglet::kernels {

void* AllocateZeroed(size_t bytes) noexcept {
  constexpr size_t kHugePage = size_t{2} << 20;
  if (bytes > static_cast<size_t>(-1) - kHugePage) return nullptr;
  const size_t rounded = RoundUpToLine(bytes);
  void* memory = nullptr;
  const size_t alignment = rounded >= kHugePage ? kHugePage : kAlignment;
  if (posix_memalign(&memory, alignment, rounded) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  // The rest of the last page stays small, so that nothing is held that nobody asked for. Where the
  // system has no huge pages the advice fails, and all is as it was.
  if (rounded >= kHugePage) madvise(memory, rounded / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  std::memset(memory, 0, rounded);
  return memory;
}

void FreeAligned(const void* memory) noexcept { std::free(const_cast<void*>(memory)); }

}  // namespace kinglet::kernels
