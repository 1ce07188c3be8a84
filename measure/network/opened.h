// A network that is compiled for being measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/model.h"
#include "kinglet/verdict.h"
#include "measure/network/point.h"
#include "measure/network/shapes.h"

namespace kinglet::measure {

struct OpenedNetwork {
  Model model;
  ShapeChooser shapes;                          // of any batch size
  std::optional<Descriptor> descriptor{};       // of a detector, fitted to the network
  std::string anchors{};                        // file; "": the descriptor's
  std::optional<PrecisionVerdicts> verdicts{};  // of a check, where one is kept
  std::vector<std::string> notes{};  // files that were ignored, and why; sizes that are guesses
};

// Throws Error as OpenNetwork, FitDescriptor, Model::Compile and ShapeChooser do, and
// Error(kInvalidInput) for a descriptor or picture that the network has no use for.
OpenedNetwork OpenForPoint(const Point& point);

// What most multiply-adds of the plan are computed in, as `wanted` (Model::precision) has it where
// it is float: "f32", "bf16", "int8".
std::string PrecisionOfPlan(const PlanInfo& plan, Precision wanted);

}  // namespace kinglet::measure
