// What was learned of one machine, or several alike: corrections of the physical part of the cost
// model, a regression for each kernel, and one for whole networks (Ponomarev et al. 2021).
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "characterize/predict/row.h"
#include "characterize/predict/trees.h"
#include "kinglet/tuning.h"

namespace kinglet::characterize {

// Natural logarithms of measured over predicted, between which 80 % of what was not trained on lie.
struct LogInterval {
  double low = 0;
  double high = 0;
};

struct Correction {
  Trees trees;           // log of measured over physical
  std::size_t rows = 0;  // that it was learned from
  LogInterval interval{};
};

struct Predictor {
  // Of the machine that was measured; `figures` are those that its physical part is made of.
  std::string cpu;
  std::string instruction_set;
  Calibration figures;
  std::size_t networks = 0;  // that were measured
  std::string note;          // for people: when and how it was made

  std::map<std::string, Correction, std::less<>> kernels;
  Correction network;      // measured over the sum of its layers' corrected times
  LogInterval physical{};  // of layers whose kernel is not among them

  // Null where the kernel is not known.
  const Correction* Find(std::string_view kernel) const;
};

// Microseconds of a layer: corrected where its kernel is known.
double CorrectedUs(const Predictor& predictor, const DataRow& layer);

struct NetworkTime {
  double us = 0;
  double low_us = 0;  // 80 % of networks lie between these
  double high_us = 0;
  double known_share = 0;  // of the time, in layers whose kernels are known
};
// Of a network with these layers. Without a predictor (null): the physical part with a wide
// interval. `foreign`: it was learned on another kind of machine, which widens the interval.
NetworkTime PredictNetwork(const Predictor* predictor, const DataRow& network,
                           const std::vector<DataRow>& layers, bool foreign);

inline constexpr std::size_t kMaxPredictorBytes = std::size_t{16} << 20;

// The text of a file, and back. ParsePredictor throws Error(kInvalidInput) that begins with
// `source`, Error(kResource) for a text that is too long.
std::string PredictorToJson(const Predictor& predictor);
Predictor ParsePredictor(std::string_view text, const std::string& source);
// Throws also Error(kIo).
Predictor ReadPredictor(const std::string& file);

}  // namespace kinglet::characterize
