// What a command says about each picture, as a table or as JSON, and about the time it takes.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kinglet/pipeline.h"

namespace kinglet::cli {

template <typename Result>
class PictureReport {
 public:
  virtual ~PictureReport() = default;
  virtual void Begin() {}
  virtual void Add(const std::string& image, const Result& result) = 0;
  virtual void End() {}
};

// Milliseconds and pixels in JSON.
inline double Rounded(double value) { return std::round(value * 1000.0) / 1000.0; }

// Of one picture. The first run of a network reads weights and touches memory for the first time:
// it takes a multiple of what follows.
struct PictureTimes {
  StageTimes ms;
  bool first_run = false;
};

// Of several calls of `run` after one that does not count: the medians of their stages.
StageTimes WarmTimes(const std::function<StageTimes()>& run);

// The keys "ms" and "first_run" of a picture's JSON. Without `postprocess` where there is no such
// stage.
void AddTimes(const PictureTimes& times, bool postprocess, nlohmann::ordered_json& line);

// What all pictures took: the first run, and the median of the others.
class TimeSummary {
 public:
  explicit TimeSummary(bool postprocess) : postprocess_(postprocess) {}

  void Add(const PictureTimes& times);
  // "" where there was no picture.
  std::string Text(const std::string& network, int threads) const;

 private:
  bool postprocess_;
  std::vector<StageTimes> first_;  // one at most
  std::vector<StageTimes> others_;
};

}  // namespace kinglet::cli
