// Memory for what may never be looked at.
#pragma once

#include <cstddef>
#include <memory>

namespace kinglet {

// So many zeros at a multiple of 64 bytes, whose pages the system gives when somebody touches them.
// Null where there is no address space for them.
std::shared_ptr<void> LazyZeroBytes(std::size_t bytes);

}  // namespace kinglet
