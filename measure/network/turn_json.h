// Turns and their results, as processes hand them to each other and files keep them.
#pragma once

#include "measure/common/json_reader.h"
#include "measure/network/turn.h"

namespace kinglet::measure {

// All of the plan but what Compile calls back.
std::string TurnPlanJson(const TurnPlan& plan);
// Throws Error(kInvalidInput).
TurnPlan ParseTurnPlan(const std::string& text);

// Milliseconds have four decimals.
JsonReader::Json TurnResultJson(const TurnResult& result);
// Throws as JsonReader does.
TurnResult ReadTurnResult(const JsonReader& reader);

}  // namespace kinglet::measure
