// The lines of a sweep's file.
#pragma once

#include <string>
#include <string_view>

#include "characterize/sweep/sweep_file.h"
#include "characterize/sweep/trust.h"
#include "measure/common/json_reader.h"

namespace kinglet::characterize {

std::string HeaderLine(const SweepHeader& header);
std::string TurnLine(const TurnRecord& turn);

// Throw Error(kInvalidInput) that names `source` for a line that is malformed or of another format.
SweepHeader ParseHeader(std::string_view line, const std::string& source);
TurnRecord ParseTurn(std::string_view line, const std::string& source);

}  // namespace kinglet::characterize
