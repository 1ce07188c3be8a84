#include "characterize/fit/proxies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "measure/common/statistics.h"

namespace kinglet::characterize {
namespace {

// The factors of the least squares by the normal equations, which are as many as there are terms.
std::vector<double> LeastSquares(const std::vector<std::vector<double>>& terms,
                                 const std::vector<double>& values) {
  const std::size_t n = terms.front().size();
  std::vector<std::vector<double>> a(n, std::vector<double>(n + 1));
  for (std::size_t row = 0; row < terms.size(); ++row) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) a[i][j] += terms[row][i] * terms[row][j];
      a[i][n] += terms[row][i] * values[row];
    }
  }
  for (std::size_t i = 0; i < n; ++i) a[i][i] += 1e-9;  // terms that do not vary get nothing
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i; r < n; ++r) {
      if (std::abs(a[r][i]) > std::abs(a[pivot][i])) pivot = r;
    }
    std::swap(a[i], a[pivot]);
    for (std::size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = a[r][i] / a[i][i];
      for (std::size_t c = i; c <= n; ++c) a[r][c] -= factor * a[i][c];
    }
  }
  std::vector<double> factors;
  for (std::size_t i = 0; i < n; ++i) factors.push_back(a[i][n] / a[i][i]);
  return factors;
}

}  // namespace

std::vector<double> LogLinear::TermsOf(const MeasuredPoint& point) const {
  const DataRow& row = point.network;
  std::vector<double> terms = {1, std::log(row[RowNumber::kMacs] + 1)};
  if (with_bytes_) {
    terms.push_back(std::log(row[RowNumber::kReadBytes] + row[RowNumber::kWriteBytes] +
                             row[RowNumber::kWeightBytes] + 1));
  }
  return terms;
}

LogLinear::LogLinear(const PointRefs& train, bool with_bytes) : with_bytes_(with_bytes) {
  std::map<int, std::pair<std::vector<std::vector<double>>, std::vector<double>>> by_threads;
  for (const MeasuredPoint* point : train) {
    auto& [terms, values] = by_threads[static_cast<int>(point->network[RowNumber::kThreads])];
    terms.push_back(TermsOf(*point));
    values.push_back(std::log(point->network[RowNumber::kMeasured]));
  }
  for (const auto& [threads, data] : by_threads) {
    factors_[threads] = LeastSquares(data.first, data.second);
  }
}

double LogLinear::PredictUs(const MeasuredPoint& point) const {
  auto found = factors_.find(static_cast<int>(point.network[RowNumber::kThreads]));
  if (found == factors_.end()) found = factors_.begin();
  if (found == factors_.end()) return 0;
  const std::vector<double> terms = TermsOf(point);
  double log = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) log += found->second[i] * terms[i];
  return std::exp(log);
}

std::string LayerTable::KeyOf(const DataRow& layer) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", layer[RowText::kOp], layer[RowText::kKernel],
                     layer[RowNumber::kChannels], layer[RowNumber::kHeight],
                     layer[RowNumber::kWidth], layer[RowNumber::kMacs], layer[RowNumber::kImages],
                     layer[RowNumber::kThreads], layer[RowNumber::kWeightBytes]);
}

LayerTable::LayerTable(const PointRefs& train) {
  std::vector<double> ratios;
  for (const MeasuredPoint* point : train) {
    for (const DataRow& layer : point->layers) {
      Entry& entry = entries_[KeyOf(layer)];
      entry.sum += layer[RowNumber::kMeasured];
      entry.count += 1;
      if (layer[RowNumber::kPhysical] > 0) {
        ratios.push_back(layer[RowNumber::kMeasured] / layer[RowNumber::kPhysical]);
      }
    }
  }
  if (!ratios.empty()) scale_ = measure::Median(std::move(ratios));
}

double LayerTable::PredictUs(const MeasuredPoint& point) const {
  double sum = 0;
  for (const DataRow& layer : point.layers) {
    const auto found = entries_.find(KeyOf(layer));
    sum += found == entries_.end() ? scale_ * layer[RowNumber::kPhysical]
                                   : found->second.sum / found->second.count;
  }
  return sum;
}

}  // namespace kinglet::characterize
