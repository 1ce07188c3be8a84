// Activation of a run of floats in place.
#pragma once

#include <cstddef>

#include "kernels/common/epilogue.h"

namespace kinglet::kernels {

// values[i] = f(values[i]) for i < count; any count and alignment.
using ActivateFn = void (*)(const Epilogue&, float* values, size_t count) noexcept;

// For the active target.
ActivateFn ResolveActivate();

}  // namespace kinglet::kernels
