// Operators on images that are stored as blocks of bfloat16 between steps, and which nodes have
// such steps.
//
// Each Plan function returns null where the node has none: its output is not stored so, or its
// shapes fit no kernel. It has declared nothing then, and the step of float32 does it, with
// conversions around it.
#pragma once

#include <memory>
#include <optional>

#include "engine/op/op.h"
#include "engine/ops/resize.h"
#include "kernels/common/epilogue.h"
#include "kernels/pool/pool.h"

namespace kinglet {

// Whether the node, on images, may read input i as blocks of bfloat16 and write its output so, as
// far as the graph without shapes tells.
bool ReadsBFloat16(const GraphIr& graph, const Node& node, std::size_t i);
bool WritesBFloat16(const GraphIr& graph, const Node& node);

std::unique_ptr<Step> PlanBFloat16Unary(PlanContext& context, const kernels::Epilogue& function);
// Add and Mul of images, or of images and one value for each channel.
std::unique_ptr<Step> PlanBFloat16Binary(PlanContext& context);
std::unique_ptr<Step> PlanBFloat16Pool(PlanContext& context, kernels::Pool pool, bool maximum);
// Reads bfloat16 where the input is stored so; writes what the output is stored as.
std::unique_ptr<Step> PlanBFloat16GlobalPool(PlanContext& context, bool maximum);
std::unique_ptr<Step> PlanBFloat16Nearest(PlanContext& context, const ResizeSpec& spec);
// Along the channels. Null within where all inputs are in place.
std::optional<std::unique_ptr<Step>> PlanBFloat16Concat(PlanContext& context);
std::unique_ptr<Step> PlanBFloat16Shuffle(PlanContext& context, std::int64_t groups);

}  // namespace kinglet
