// What is used in place of a model of latency elsewhere.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "characterize/fit/train.h"

namespace kinglet::characterize {

// log t = a + b log(multiply-adds) [+ c log(bytes)], for each number of threads, by least squares.
class LogLinear {
 public:
  LogLinear(const PointRefs& train, bool with_bytes);
  double PredictUs(const MeasuredPoint& point) const;

 private:
  std::vector<double> TermsOf(const MeasuredPoint& point) const;

  bool with_bytes_;
  std::map<int, std::vector<double>> factors_;  // by threads
};

// The mean time of each layer that was measured, by operator, kernel, shape, batch and threads; of
// others the physical part, scaled as the measured ones are.
class LayerTable {
 public:
  explicit LayerTable(const PointRefs& train);
  double PredictUs(const MeasuredPoint& point) const;

 private:
  static std::string KeyOf(const DataRow& layer);

  struct Entry {
    double sum = 0;
    double count = 0;
  };
  std::map<std::string, Entry> entries_;
  double scale_ = 1;
};

}  // namespace kinglet::characterize
