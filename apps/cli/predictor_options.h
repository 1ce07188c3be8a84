// The predictor as the command line says it, and what people are told of its answers.
#pragma once

#include <optional>
#include <string>

#include "apps/cli/cli.h"
#include "characterize/predict/foresee.h"

namespace kinglet::cli {

// The one of the options; none with --physical, and where none is built in for the instruction set
// `set`. Throws as ReadPredictor does.
std::optional<characterize::Predictor> PredictorOf(const PredictorOptions& options,
                                                   const std::string& set);

// How far the answers can be trusted: what they are made of. `first`: one of them.
std::string Trust(const characterize::Foresight& foresight,
                  const characterize::Predictor* predictor, const characterize::Forecast& first);

// That in lines that the output has room for, each with its end.
std::string TrustText(const std::string& trust);

// "11.900 and 13.000": milliseconds that 80 % of networks lie between.
std::string IntervalText(const characterize::NetworkTime& time);

}  // namespace kinglet::cli
