#include "characterize/fit/points.h"

#include <algorithm>

#include "measure/common/statistics.h"

namespace kinglet::characterize {
namespace {

constexpr double kSlowReference = 0.9;  // of the dataset's usual speed

double UsualReference(const Dataset& dataset) {
  constexpr double kUsual = 75;  // per cent: most networks are measured in quiet
  std::vector<double> references;
  for (const DataRow& row : dataset.rows) {
    if (row[RowText::kKind] == "network") references.push_back(row[RowNumber::kReference]);
  }
  return references.empty() ? 0 : measure::Percentile(std::move(references), kUsual);
}

}  // namespace

std::vector<MeasuredPoint> PointsOf(const Dataset& dataset, std::size_t& dropped) {
  const double usual = UsualReference(dataset);
  std::vector<MeasuredPoint> points;
  MeasuredPoint next;
  dropped = 0;
  for (const DataRow& row : dataset.rows) {
    const std::string& kind = row[RowText::kKind];
    if (kind == "layer") {
      next.layers.push_back(row);
    } else if (kind == "alternative") {
      next.alternatives.push_back(row);
    } else if (kind == "network") {
      const bool whole = static_cast<double>(next.layers.size()) == row[RowNumber::kSteps];
      const bool quiet = row[RowNumber::kReference] >= kSlowReference * usual;
      if (row[RowText::kMark].empty() && whole && quiet && row[RowNumber::kMeasured] > 0) {
        next.network = row;
        points.push_back(std::move(next));
      } else {
        ++dropped;
      }
      next = {};
    }
  }
  return points;
}

}  // namespace kinglet::characterize
