#include "characterize/predict/builtin.h"

namespace kinglet::characterize {

std::optional<Predictor> BuiltInPredictor(const std::string& instruction_set) {
  for (const BuiltInFile& file : BuiltInFiles()) {
    if (instruction_set == file.name) return ParsePredictor(file.text(), file.name);
  }
  return std::nullopt;
}

}  // namespace kinglet::characterize
