#include "apps/cli/predictor_options.h"

#include <fmt/format.h>

#include "apps/cli/output.h"
#include "characterize/predict/builtin.h"

namespace kinglet::cli {

using characterize::Forecast;
using characterize::Foresight;
using characterize::Predictor;

std::optional<Predictor> PredictorOf(const PredictorOptions& options, const std::string& set) {
  if (options.physical) return std::nullopt;
  if (!options.file.empty()) return characterize::ReadPredictor(options.file);
  return characterize::BuiltInPredictor(set);
}

std::string Trust(const Foresight& foresight, const Predictor* predictor, const Forecast& first) {
  if (predictor == nullptr) {
    return "no predictor: the physical part alone, which is often 15 to 40 % too fast; kinglet fit "
           "makes one";
  }
  if (foresight.foreign()) {
    return fmt::format("the predictor was learned on {}: the interval is wider", predictor->cpu);
  }
  std::string text =
      fmt::format("learned from {} networks on this kind of machine", predictor->networks);
  if (first.time.known_share < 0.995) {
    text += fmt::format("; {:.0f} % of the time is in kernels that it does not know",
                        100 * (1 - first.time.known_share));
  }
  return text;
}

std::string TrustText(const std::string& trust) {
  std::string text;
  for (const std::string& line : Wrapped(trust, OutputWidth())) text += line + '\n';
  return text;
}

std::string IntervalText(const characterize::NetworkTime& time) {
  return fmt::format("{:.3f} and {:.3f}", 1e-3 * time.low_us, 1e-3 * time.high_us);
}

}  // namespace kinglet::cli
