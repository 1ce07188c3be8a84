#include "characterize/profile/report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace kinglet::characterize {
namespace {

using Json = nlohmann::ordered_json;

double ProfileKept(double value) { return std::round(value * 1e6) / 1e6; }

std::string ProfileLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json RoofJson(const Roof& roof) {
  Json peaks;
  for (const auto& [type, figures] : roof.peaks) {
    for (const auto& [instructions, peak] : figures) peaks[type][instructions] = ProfileKept(peak);
  }
  return {{"threads", roof.threads},
          {"peak_gflops", peaks},
          {"dram_gbps", ProfileKept(roof.dram_gbps)},
          {"l3_gbps", ProfileKept(roof.l3_gbps)},
          {"l2_gbps", ProfileKept(roof.l2_gbps)}};
}

Json LayerJson(const LayerProfile& layer, const std::vector<std::string>& events) {
  const StepInfo& step = layer.step;
  Json json = {
      {"name", step.name},
      {"operator", step.op},
      {"kernel", step.kernel},
      {"output", step.output_shape},
      {"ms", ProfileKept(1e3 * layer.seconds)},
      {"share", ProfileKept(layer.share)},
      {"predicted_ms", step.waits ? Json() : Json(ProfileKept(1e3 * step.predicted_seconds))},
      {"operations", std::llround(layer.work.operations)},
      {"bytes", std::llround(layer.work.bytes)},
      {"gflops", ProfileKept(layer.gflops())},
      {"share_of_peak", ProfileKept(layer.share_of_peak())},
      {"gbps", ProfileKept(layer.gbps())},
      {"intensity", ProfileKept(layer.work.intensity)},
      {"bound", BoundName(layer.work.bound)}};
  if (layer.counts.empty()) return json;
  for (std::size_t e = 0; e < events.size(); ++e)
    json["counts"][events[e]] = ProfileKept(layer.counts[e]);
  return json;
}

// A field of RFC 4180.
std::string CsvField(const std::string& text) {
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

}  // namespace

std::string ProfileJson(const NetworkProfile& profile) {
  Json json = {{"model", profile.network},
               {"batch", profile.batch},
               {"threads", profile.threads},
               {"precision", profile.precision},
               {"run_ms", ProfileKept(1e3 * profile.run_seconds)},
               {"layers_ms", ProfileKept(1e3 * profile.layer_seconds())},
               {"rest_ms", ProfileKept(1e3 * profile.rest_seconds)},
               {"predicted_ms", ProfileKept(1e3 * profile.predicted_seconds)},
               {"plain_ms", ProfileKept(1e3 * profile.plain_seconds)},
               {"overhead", ProfileKept(profile.overhead)},
               {"turns", profile.turns}};
  if (!profile.events.empty()) json["counting_overhead"] = ProfileKept(profile.counting_overhead);
  json["roof"] = RoofJson(profile.roof);
  json["layers"] = Json::array();
  for (const LayerProfile& layer : profile.layers) {
    json["layers"].push_back(LayerJson(layer, profile.events));
  }
  if (!profile.notes.empty()) json["notes"] = profile.notes;
  json["format"] = kLayerProfileFormat;
  return ProfileLine(json);
}

std::string ProfileCsv(const NetworkProfile& profile) {
  std::string csv =
      "layer,operator,kernel,output,ms,share,predicted_ms,operations,bytes,gflops,share_of_peak,"
      "gbps,intensity,bound";
  for (const std::string& event : profile.events) csv += ',' + CsvField(event);
  csv += '\n';
  for (const LayerProfile& layer : profile.layers) {
    const StepInfo& step = layer.step;
    csv += fmt::format(
        "{},{},{},{},{:.6f},{:.6f},{:.6f},{:.0f},{:.0f},{:.4f},{:.6f},{:.4f},{:.4f},{}",
        CsvField(step.name), CsvField(step.op), CsvField(step.kernel),
        ShapeToString(step.output_shape), 1e3 * layer.seconds, layer.share,
        1e3 * step.predicted_seconds, layer.work.operations, layer.work.bytes, layer.gflops(),
        layer.share_of_peak(), layer.gbps(), layer.work.intensity, BoundName(layer.work.bound));
    for (std::size_t e = 0; e < profile.events.size(); ++e) {
      csv += layer.counts.empty() ? std::string(",") : fmt::format(",{:.3f}", layer.counts[e]);
    }
    csv += '\n';
  }
  return csv;
}

std::string ProfileTrace(const NetworkProfile& profile) {
  Json events = Json::array();
  const std::string name =
      fmt::format("{}, batch {}, threads {}", profile.network, profile.batch, profile.threads);
  events.push_back({{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", name}}}});
  events.push_back({{"name", "thread_name"},
                    {"ph", "M"},
                    {"pid", 1},
                    {"tid", 1},
                    {"args", {{"name", "layers"}}}});
  double microseconds = 0;
  for (const LayerProfile& layer : profile.layers) {
    const double duration = 1e6 * layer.seconds;
    Json arguments = LayerJson(layer, profile.events);
    arguments.erase("name");
    events.push_back({{"name", layer.step.name},
                      {"cat", layer.step.op},
                      {"ph", "X"},
                      {"ts", ProfileKept(microseconds)},
                      {"dur", ProfileKept(duration)},
                      {"pid", 1},
                      {"tid", 1},
                      {"args", std::move(arguments)}});
    events.push_back({{"name", "GFLOP/s"},
                      {"ph", "C"},
                      {"ts", ProfileKept(microseconds)},
                      {"pid", 1},
                      {"args", {{"GFLOP/s", ProfileKept(layer.gflops())}}}});
    microseconds += duration;
  }
  return ProfileLine({{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}});
}

}  // namespace kinglet::characterize
