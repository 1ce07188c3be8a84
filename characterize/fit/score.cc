#include "characterize/fit/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "characterize/fit/proxies.h"
#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

// Of a network whatever its batch: files of two seeds may have one name.
std::string IdentityOf(const MeasuredPoint& point) {
  const DataRow& row = point.network;
  return fmt::format("{}|{}|{}", point.name(), row[RowNumber::kNetworkWeights],
                     row[RowNumber::kMacs] / std::max(row[RowNumber::kBatch], 1.0));
}

PointRefs ReferencesTo(const std::vector<MeasuredPoint>& points) {
  PointRefs refs;
  for (const MeasuredPoint& point : points) refs.push_back(&point);
  return refs;
}

bool IsForeign(const Predictor& predictor, const Dataset& dataset) {
  return std::any_of(dataset.machines.begin(), dataset.machines.end(), [&](const auto& machine) {
    return machine.second.cpu != predictor.cpu ||
           machine.second.instruction_set != predictor.instruction_set;
  });
}

}  // namespace

Score ScorePredictor(const Predictor& predictor, const Dataset& held_out,
                     const std::optional<Dataset>& learned) {
  Score score;
  score.foreign = IsForeign(predictor, held_out);
  std::vector<MeasuredPoint> points = PointsOf(held_out, score.report.dropped);
  std::vector<MeasuredPoint> train;
  if (learned) {
    std::size_t dropped = 0;
    train = PointsOf(*learned, dropped);
    std::set<std::string> seen;
    for (const MeasuredPoint& point : train) seen.insert(IdentityOf(point));
    score.seen = std::erase_if(
        points, [&](const MeasuredPoint& point) { return seen.contains(IdentityOf(point)); });
  }
  if (points.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("the dataset has no points to score by: {} are not to be trusted, and "
                            "{} are of networks that were learned from",
                            score.report.dropped, score.seen));
  }
  std::vector<std::string> methods = {kPredictorMethod, kPhysicalMethod};
  if (!train.empty()) methods.insert(methods.end(), {kMacsMethod, kBytesMethod, kTableMethod});
  FitReport& report = score.report;
  report.Begin(points, std::move(methods));
  std::size_t inside = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const NetworkTime time =
        PredictNetwork(&predictor, points[i].network, points[i].layers, score.foreign);
    report.predicted_us[kPredictorMethod][i] = time.us;
    report.predicted_us[kPhysicalMethod][i] = points[i].network[RowNumber::kPhysical];
    const double measured = report.measured_us[i];
    if (time.low_us <= measured && measured <= time.high_us) ++inside;
  }
  score.in_interval = static_cast<double>(inside) / static_cast<double>(points.size());
  if (train.empty()) return score;
  const PointRefs refs = ReferencesTo(train);
  const LogLinear macs(refs, false);
  const LogLinear bytes(refs, true);
  const LayerTable table(refs);
  for (std::size_t i = 0; i < points.size(); ++i) {
    report.predicted_us[kMacsMethod][i] = macs.PredictUs(points[i]);
    report.predicted_us[kBytesMethod][i] = bytes.PredictUs(points[i]);
    report.predicted_us[kTableMethod][i] = table.PredictUs(points[i]);
  }
  return score;
}

}  // namespace kinglet::characterize
