// Convolutions of any number of dimensions, and transposed ones, by kernels/conv/volume.h.
#pragma once

#include <memory>

#include "engine/op/op.h"
#include "engine/ops/spatial.h"
#include "kernels/conv/volume.h"

namespace kinglet {

inline constexpr std::size_t kMaxVolumeRank = 3;

// `window` has one to three spatial dimensions.
kernels::VolumeShape VolumeShapeOf(const PlanContext& context, const Window& window,
                                   bool transposed);

// Whether kernels take the node: float32, weights and bias known before running, outputs at all.
bool IsVolumeConv(const PlanContext& context);
// By the kernel that the cost model finds best. `family` names the question: "conv_transpose".
std::unique_ptr<Step> PlanVolumeConv(PlanContext& context, const char* family,
                                     const kernels::VolumeShape& shape);

}  // namespace kinglet
