#include <algorithm>
#include <numeric>

#include "characterize/cold/cold.h"
#include "kinglet/error.h"
#include "measure/common/json_reader.h"
#include "measure/common/machine_json.h"
#include "measure/common/statistics.h"

namespace kinglet::characterize {
namespace {

using Json = measure::JsonReader::Json;
using measure::JsonReader;

constexpr int kColdFormat = 1;
constexpr std::size_t kMostStages = 64;
constexpr double kColdDigits = 1e4;

double ColdSum(const std::vector<ColdStage>& stages) {
  return std::accumulate(stages.begin(), stages.end(), 0.0,
                         [](double sum, const ColdStage& stage) { return sum + stage.ms; });
}

Json ColdStagesJson(const std::vector<ColdStage>& stages) {
  Json json = Json::array();
  for (const ColdStage& stage : stages) {
    json.push_back({{"stage", stage.name},
                    {"ms", measure::Rounded(stage.ms, kColdDigits)},
                    {"page_faults", stage.page_faults},
                    {"disk_faults", stage.disk_faults},
                    {"resident_mb", measure::Rounded(stage.resident_mb, kColdDigits)}});
  }
  return json;
}

std::vector<ColdStage> ReadStages(const JsonReader& reader, const char* key,
                                  const std::string& source) {
  const Json& array = reader.Array(key);
  if (array.size() > kMostStages) reader.Refuse(key, "at most 64 stages");
  std::vector<ColdStage> stages;
  for (const Json& each : array) {
    if (!each.is_object()) reader.Refuse(key, "an array of objects");
    const JsonReader stage(each, source);
    stages.push_back({stage.Text("stage"), stage.Number("ms"), stage.Number("page_faults"),
                      stage.Number("disk_faults"), stage.Number("resident_mb")});
  }
  return stages;
}

Json ParsedColdLine(std::string_view line, const std::string& source) {
  Json json = Json::parse(line, nullptr, false);
  if (json.is_object()) return json;
  throw Error(ErrorCode::kInvalidInput,
              source + ": expected stages of a cold start, a line of JSON");
}

ColdRun ReadColdRun(const JsonReader& reader, const std::string& source) {
  return {ReadStages(reader, "first", source), ReadStages(reader, "second", source)};
}

using StagesOf = std::vector<ColdStage> ColdRun::*;

std::vector<ColdStage> MedianStages(const std::vector<ColdRun>& runs, StagesOf which) {
  std::vector<ColdStage> medians = runs.front().*which;
  for (std::size_t s = 0; s < medians.size(); ++s) {
    for (double ColdStage::*figure : {&ColdStage::ms, &ColdStage::page_faults,
                                      &ColdStage::disk_faults, &ColdStage::resident_mb}) {
      std::vector<double> values;
      for (const ColdRun& run : runs) values.push_back((run.*which)[s].*figure);
      medians[s].*figure = measure::Median(std::move(values));
    }
  }
  return medians;
}

bool SameStages(const std::vector<ColdStage>& a, const std::vector<ColdStage>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ColdStage& x, const ColdStage& y) { return x.name == y.name; });
}

}  // namespace

double ColdReport::first_ms() const { return ColdSum(median.first); }
double ColdReport::second_ms() const { return ColdSum(median.second); }

std::string ColdRunLine(const ColdRun& run) {
  return measure::CompactJson(
             {{"first", ColdStagesJson(run.first)}, {"second", ColdStagesJson(run.second)}}) +
         "\n";
}

ColdRun ParseColdRun(std::string_view line, const std::string& source) {
  const Json json = ParsedColdLine(line, source);
  return ReadColdRun({json, source}, source);
}

ColdRun MedianOf(const std::vector<ColdRun>& runs) {
  for (const ColdRun& run : runs) {
    if (!SameStages(run.first, runs.front().first) ||
        !SameStages(run.second, runs.front().second)) {
      throw Error(ErrorCode::kInvalidInput, "cold starts of different stages have no median");
    }
  }
  return {MedianStages(runs, &ColdRun::first), MedianStages(runs, &ColdRun::second)};
}

std::string ColdReportLine(const ColdReport& report) {
  Json json = {{"engine", report.engine},
               {"model", report.network},
               {"picture", report.picture},
               {"threads", report.threads},
               {"turns", report.turns},
               {"cache_dropped", report.cache_dropped},
               {"first_ms", measure::Rounded(report.first_ms(), kColdDigits)},
               {"second_ms", measure::Rounded(report.second_ms(), kColdDigits)}};
  json["first"] = ColdStagesJson(report.median.first);
  json["second"] = ColdStagesJson(report.median.second);
  json["machine"] = measure::MachineJson(report.machine);
  json["format"] = kColdFormat;
  return measure::CompactJson(json) + "\n";
}

ColdReport ParseColdReport(std::string_view line, const std::string& source) {
  const Json json = ParsedColdLine(line, source);
  const JsonReader reader(json, source);
  if (reader.Count("format") != kColdFormat) reader.Refuse("format", "1");
  ColdReport report;
  report.engine = reader.Text("engine");
  report.network = reader.Text("model");
  report.picture = reader.Text("picture");
  report.threads = reader.Count("threads");
  report.turns = static_cast<std::size_t>(reader.Count("turns"));
  report.cache_dropped = reader.Flag("cache_dropped");
  report.median = ReadColdRun(reader, source);
  return report;
}

}  // namespace kinglet::characterize
