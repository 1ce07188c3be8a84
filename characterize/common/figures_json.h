// The figures of a machine in files that hold more than them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kinglet/tuning.h"

namespace kinglet::characterize {

nlohmann::ordered_json FiguresToJson(const Calibration& figures);
// Throws Error(kInvalidInput), which begins with `source`, for what no machine has.
Calibration FiguresFromJson(const nlohmann::ordered_json& json, const std::string& source);

}  // namespace kinglet::characterize
