// The instruction set that kernels run on, chosen once, and facts about the CPU.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace kinglet::kernels {

// Name of the active target: "baseline", "avx2", "avx512" or "neon". The first call chooses the
// best runnable one, or the one that the environment variable KINGLET_TARGET names. Thread-safe.
std::string_view ActiveTarget() noexcept;

// The compiled targets that this CPU can run, the best one first.
std::vector<std::string_view> RunnableTargets();

// Makes `name` the active target. False, and no change, when it is not compiled or not runnable.
// Function pointers resolved before keep their target: call it before the first plan is made (tests
// call it between plans).
bool ForceTarget(std::string_view name) noexcept;

// The active target's place in the tables of HWY_EXPORT (kernels/common/dispatch.h).
size_t ActiveTableIndex() noexcept;

// False when KINGLET_TARGET is set to a name that is not runnable here; the best target is then
// active. An application asks once at start-up.
bool EnvironmentTargetIsValid() noexcept;

struct CacheSizes {
  size_t l1d_bytes;
  size_t l2_bytes;
  size_t l3_bytes;  // of the cache that this core shares
};
// As the operating system reports them; common values where it does not.
const CacheSizes& Caches() noexcept;

}  // namespace kinglet::kernels
