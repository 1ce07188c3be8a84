// Steps that the planner itself inserts.
#pragma once

#include <memory>

#include "engine/op/op.h"
#include "kernels/layout/layout.h"

namespace kinglet {

// A tensor {N, C, H, W} of elements of `type` in both layouts, its images one behind the other.
kernels::Reorder DenseReorder(const Shape& shape, ElementType type);

// Brings a tensor {N, C, H, W} from one form into another. Input 0, output 0. Its work is that on
// `threads` threads. Throws Error(kUnsupported) when no kernel does that.
std::unique_ptr<Step> MakeReorder(const Shape& shape, TensorDesc from, TensorDesc to, int threads);

// Converts `count` elements from one type to another. Input 0, output 0. Throws Error(kUnsupported)
// when no kernel does that.
std::unique_ptr<Step> MakeConversion(std::int64_t count, ElementType from, ElementType to);

// Whether blocked images of one type become those of the other without being plain in between.
bool HasBlockedConversion(ElementType from, ElementType to);

// Converts blocked images {N, C, H, W} between such types. Input 0, output 0.
std::unique_ptr<Step> MakeBlockedConversion(const Shape& shape, ElementType from, ElementType to,
                                            int threads);

// Copies input 0 to output 0.
std::unique_ptr<Step> MakeCopy(std::size_t bytes);

}  // namespace kinglet
