// The predictors that are shipped, one for each instruction set that was measured.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "characterize/predict/predictor.h"

namespace kinglet::characterize {

struct BuiltInFile {
  const char* name;  // "avx2"
  const char* begin;
  const char* end;

  std::string_view text() const { return {begin, static_cast<std::size_t>(end - begin)}; }
};

// Sorted by name; none where nothing is shipped.
std::vector<BuiltInFile> BuiltInFiles();

// The one for this instruction set, whichever CPU it was learned on.
std::optional<Predictor> BuiltInPredictor(const std::string& instruction_set);

}  // namespace kinglet::characterize
