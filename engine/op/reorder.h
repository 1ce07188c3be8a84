// Steps that the planner itself inserts.
#pragma once

#include <memory>

#include "engine/op/op.h"
#include "kernels/layout/layout.h"

namespace kinglet {

// A tensor {N, C, H, W} in both layouts, its images one behind the other.
kernels::Reorder DenseReorder(const Shape& shape);

// Converts a float32 tensor {N, C, H, W} to `layout` from the other one. Input 0, output 0. Its
// work is that on `threads` threads.
std::unique_ptr<Step> MakeReorder(const Shape& shape, Layout layout, int threads);

// Copies input 0 to output 0.
std::unique_ptr<Step> MakeCopy(std::size_t bytes);

}  // namespace kinglet
