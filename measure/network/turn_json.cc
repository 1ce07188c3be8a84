#include "measure/network/turn_json.h"

#include "kinglet/error.h"

namespace kinglet::measure {
namespace {

using Json = JsonReader::Json;

Json CompileJson(const CompileOptions& compile) {
  return {{"precision", PrecisionName(compile.precision)},
          {"calibration", compile.calibration_file},
          {"tuning", compile.tuning_file},
          {"verdicts", compile.verdict_file},
          {"cache", compile.use_cache},
          {"optimize", compile.optimize},
          {"winograd", compile.winograd},
          {"deterministic", compile.deterministic},
          {"max_tensor_bytes", compile.max_tensor_bytes},
          {"max_arena_bytes", compile.max_arena_bytes},
          {"max_scratch_bytes", compile.max_scratch_bytes},
          {"max_plan_bytes", compile.max_plan_bytes}};
}

CompileOptions ReadCompile(const JsonReader& reader) {
  CompileOptions compile;
  compile.precision = PrecisionOf(reader.Text("precision")).value_or(Precision::kModel);
  compile.calibration_file = reader.Text("calibration");
  compile.tuning_file = reader.Text("tuning");
  compile.verdict_file = reader.Text("verdicts");
  compile.use_cache = reader.Flag("cache");
  compile.optimize = reader.Flag("optimize");
  compile.winograd = reader.Flag("winograd");
  compile.deterministic = reader.Flag("deterministic");
  compile.max_tensor_bytes = reader.Size("max_tensor_bytes");
  compile.max_arena_bytes = reader.Size("max_arena_bytes");
  compile.max_scratch_bytes = reader.Size("max_scratch_bytes");
  compile.max_plan_bytes = reader.Size("max_plan_bytes");
  return compile;
}

Json ReadJson(const ReadOptions& read) {
  return {{"data_folders", read.data_folders},
          {"tensor_bytes", read.limits.tensor_bytes},
          {"total_tensor_bytes", read.limits.total_tensor_bytes}};
}

ReadOptions ReadReadOptions(const JsonReader& reader) {
  ReadOptions read;
  read.data_folders = reader.Texts("data_folders");
  read.limits.tensor_bytes = static_cast<std::int64_t>(reader.Size("tensor_bytes"));
  read.limits.total_tensor_bytes = static_cast<std::int64_t>(reader.Size("total_tensor_bytes"));
  return read;
}

Json RoundedNumbers(const std::vector<double>& numbers, double scale) {
  Json rounded = Json::array();
  for (const double number : numbers) rounded.push_back(Rounded(number, scale));
  return rounded;
}

}  // namespace

std::string TurnPlanJson(const TurnPlan& plan) {
  const Point& point = plan.point;
  const Json json = {{"network", point.network},
                     {"batch", point.batch},
                     {"threads", point.threads},
                     {"shapes", point.shapes},
                     {"descriptor", point.descriptor},
                     {"read", ReadJson(point.read)},
                     {"compile", CompileJson(point.compile)},
                     {"instances", plan.instances},
                     {"processes", plan.processes},
                     {"rate", plan.rate},
                     {"seed", plan.seed},
                     {"window_s", plan.window_s},
                     {"warm_up_s", plan.warm_up_s},
                     {"pictures", plan.pictures},
                     {"first_picture", plan.first_picture},
                     {"most_batches", plan.most_batches},
                     {"follows", plan.follows},
                     {"arrivals_file", plan.arrivals_file}};
  return CompactJson(json);
}

TurnPlan ParseTurnPlan(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  const std::string source = "--turn";
  if (!json.is_object()) throw Error(ErrorCode::kInvalidInput, source + ": expected a JSON object");
  const JsonReader reader(json, source);
  TurnPlan plan;
  plan.point.network = reader.Text("network");
  plan.point.batch = static_cast<int>(reader.Size("batch"));
  plan.point.threads = reader.Count("threads");
  plan.point.shapes = reader.Texts("shapes");
  plan.point.descriptor = reader.Text("descriptor");
  plan.point.read = ReadReadOptions(reader.Object("read"));
  plan.point.compile = ReadCompile(reader.Object("compile"));
  plan.instances = reader.Count("instances");
  plan.processes = reader.Flag("processes");
  plan.rate = reader.Number("rate");
  plan.seed = reader.Size("seed");
  plan.window_s = reader.Number("window_s");
  plan.warm_up_s = reader.Number("warm_up_s");
  plan.pictures = reader.Text("pictures");
  plan.first_picture = reader.Size("first_picture");
  plan.most_batches = reader.Size("most_batches");
  plan.follows = reader.Flag("follows");
  plan.arrivals_file =
      json["arrivals_file"].is_number_integer() ? json["arrivals_file"].get<int>() : -1;
  return plan;
}

Json TurnResultJson(const TurnResult& result) {
  Json kernels = Json::array();
  for (const KernelOfLayer& each : result.kernels) kernels.push_back({each.layer, each.kernel});
  Json json = {{"batch", result.batch},
               {"precision", result.precision},
               {"runs", result.runs},
               {"images_per_s", Rounded(result.images_per_s, 1e3)},
               {"window_s", Rounded(result.window_s, 1e6)},
               {"utilisation", RoundedNumbers(result.load.utilisation, 1e4)},
               {"steal", Rounded(result.load.steal, 1e4)},
               {"others", Rounded(result.load.others, 1e4)},
               {"clock_mhz", Rounded(result.clock_mhz, 1)},
               {"cpu_s", Rounded(result.usage.cpu_seconds, 1e6)},
               {"context_switches", result.usage.context_switches},
               {"page_faults", result.usage.page_faults},
               {"peak_rss_mb", Rounded(result.peak_rss_mb, 10)},
               {"latencies_ms", RoundedNumbers(result.latencies_ms, kMillisecondScale)},
               {"kernels", kernels}};
  if (result.backlog_s > 0) json["backlog_s"] = Rounded(result.backlog_s, 1e6);
  if (!result.notes.empty()) json["notes"] = result.notes;
  return json;
}

TurnResult ReadTurnResult(const JsonReader& reader) {
  TurnResult result;
  result.batch = reader.Count("batch");
  result.precision = reader.Text("precision");
  result.runs = reader.Size("runs");
  result.images_per_s = reader.Number("images_per_s");
  result.window_s = reader.Number("window_s");
  result.load = {reader.Numbers("utilisation"), reader.Number("steal"), reader.Number("others")};
  result.clock_mhz = reader.Number("clock_mhz");
  result.usage = {reader.Number("cpu_s"), reader.Number("context_switches"),
                  reader.Number("page_faults")};
  result.peak_rss_mb = reader.Number("peak_rss_mb");
  result.latencies_ms = reader.Numbers("latencies_ms");
  if (reader.Has("backlog_s")) result.backlog_s = reader.Number("backlog_s");
  if (reader.Has("notes")) result.notes = reader.Texts("notes");
  for (const Json& each : reader.Array("kernels")) {
    if (!each.is_array() || each.size() != 2 || !each[0].is_string() || !each[1].is_string()) {
      reader.Refuse("kernels", "an array of pairs of strings");
    }
    result.kernels.push_back({each[0].get<std::string>(), each[1].get<std::string>()});
  }
  return result;
}

}  // namespace kinglet::measure
