#include <fmt/format.h>

#include "characterize/sweep/sweep_file.h"

namespace kinglet::characterize {
namespace {

using measure::Rounded;
using Json = measure::JsonReader::Json;

// In quotes where a comma, a quote or an end of a line is in it.
std::string CsvText(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string CsvValue(const Json& value) {
  if (value.is_string()) return CsvText(value.get<std::string>());
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& each : value) text += (text.empty() ? "" : ";") + each.dump();
  return text;
}

}  // namespace

std::string KindName(InstanceKind kind) {
  return kind == InstanceKind::kThreads ? "threads" : "processes";
}

Json PointJson(const SweepPoint& point) {
  const SweepKey& key = point.key;
  const Latency& latency = point.latency;
  const auto ms = [](double value) { return Rounded(value, measure::kMillisecondScale); };
  Json utilisation = Json::array();
  for (const double share : point.core_utilisation) utilisation.push_back(Rounded(share, 1e4));
  return {{"network", key.network},
          {"precision", key.precision},
          {"batch", key.batch},
          {"threads", key.threads},
          {"instances", key.instances},
          {"as", KindName(key.kind)},
          {"rate", key.rate},
          {"runs", latency.runs},
          {"turns", point.turns},
          {"mean_ms", ms(latency.mean_ms)},
          {"min_ms", ms(latency.min_ms)},
          {"p50_ms", ms(latency.p50_ms)},
          {"p50_low_ms", ms(latency.median_low_ms)},
          {"p50_high_ms", ms(latency.median_high_ms)},
          {"p90_ms", ms(latency.p90_ms)},
          {"p95_ms", ms(latency.p95_ms)},
          {"p99_ms", ms(latency.p99_ms)},
          {"variation", Rounded(latency.variation, 1e4)},
          {"images_per_s", Rounded(point.images_per_s, 1e3)},
          {"core_utilisation", utilisation},
          {"clock_mhz", Rounded(point.clock_mhz, 1)},
          {"context_switches_per_run", Rounded(point.context_switches_per_run, 1e3)},
          {"page_faults_per_run", Rounded(point.page_faults_per_run, 1e3)},
          {"peak_rss_mb", Rounded(point.peak_rss_mb, 10)},
          {"host_share", Rounded(point.host_share, 1e4)},
          {"host_rule", Rounded(point.host_rule, 1e4)},
          {"mark", point.mark}};
}

std::string SweepCsv(std::span<const SweepPoint> points) {
  std::string csv;
  const Json headings = PointJson({});
  for (const auto& [key, value] : headings.items()) csv += (csv.empty() ? "" : ",") + key;
  csv += '\n';
  for (const SweepPoint& point : points) {
    std::string line;
    const Json values = PointJson(point);
    for (const auto& [key, value] : values.items()) {
      line += (line.empty() ? "" : ",") + CsvValue(value);
    }
    csv += line + '\n';
  }
  return csv;
}

}  // namespace kinglet::characterize
