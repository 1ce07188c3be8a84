#include "measure/network/record.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"
#include "measure/common/json_reader.h"
#include "measure/common/machine_json.h"

namespace kinglet::measure {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

double PointRecord::images_per_s() const {
  return times.median_ms > 0 ? batch / (times.median_ms * 1e-3) : 0;
}

double PointRecord::gflops() const {
  return times.median_ms > 0 ? operations * 1e-9 / (times.median_ms * 1e-3) : 0;
}

double PointRecord::share_of_peak() const {
  const double peak = machine.peak_gflops * std::min(threads, machine.cpus);
  return peak > 0 ? gflops() / peak : 0;
}

std::string RecordLine(const PointRecord& record) {
  const auto milliseconds = [](double ms) { return Rounded(ms, kMillisecondScale); };
  Json line;
  line["model"] = record.model;
  line["batch"] = record.batch;
  line["threads"] = record.threads;
  line["precision"] = record.precision;
  if (record.agreement) line["agreement"] = Rounded(*record.agreement, 1e6);
  line["median_ms"] = milliseconds(record.times.median_ms);
  line["min_ms"] = milliseconds(record.times.min_ms);
  line["p95_ms"] = milliseconds(record.times.p95_ms);
  line["runs"] = record.times.runs;
  line["operations"] = std::llround(record.operations);
  line["images_per_s"] = Rounded(record.images_per_s(), 1e3);
  if (record.waiting_steps == 0) {
    line["gflops"] = Rounded(record.gflops(), 1e3);
    line["share_of_peak"] = Rounded(record.share_of_peak(), 1e4);
  } else {  // of an unknown number of operations
    line["gflops"] = line["share_of_peak"] = nullptr;
    line["waiting_steps"] = record.waiting_steps;
  }
  if (record.stages) {
    line["ms"] = {{"decode", milliseconds(record.stages->decode)},
                  {"preprocess", milliseconds(record.stages->preprocess)},
                  {"network", milliseconds(record.times.median_ms)},
                  {"postprocess", milliseconds(record.stages->postprocess)}};
  }
  line["peak_rss_mb"] = Rounded(record.peak_rss_mb, 10);
  line["file_rss_mb"] = Rounded(record.file_rss_mb, 10);
  if (!record.notes.empty()) line["notes"] = record.notes;
  line["machine"] = MachineJson(record.machine);
  line["format"] = kRecordFormat;
  return CompactJson(line) + "\n";
}

PointRecord ParseRecord(std::string_view line, const std::string& source) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    throw Error(ErrorCode::kInvalidInput,
                source + ": expected the record of a measured point, a line of JSON");
  }
  const JsonReader reader(json, source);
  if (const int format = reader.Count("format"); format != kRecordFormat) {
    throw Error(ErrorCode::kInvalidInput, source + ": expected a record of format " +
                                              std::to_string(kRecordFormat) + ", found format " +
                                              std::to_string(format) + ", of another version");
  }
  PointRecord record;
  record.model = reader.Text("model");
  record.batch = reader.Count("batch");
  record.threads = reader.Count("threads");
  if (reader.Has("precision")) record.precision = reader.Text("precision");
  if (reader.Has("agreement")) record.agreement = reader.Number("agreement");
  record.times = {reader.Number("median_ms"), reader.Number("min_ms"), reader.Number("p95_ms"),
                  static_cast<std::size_t>(reader.Count("runs"))};
  record.operations = reader.Number("operations");
  record.peak_rss_mb = reader.Number("peak_rss_mb");
  record.file_rss_mb = reader.Number("file_rss_mb");
  if (reader.Has("ms")) {
    const JsonReader stages = reader.Object("ms");
    record.stages = {stages.Number("decode"), stages.Number("preprocess"),
                     stages.Number("postprocess")};
  }
  if (reader.Has("waiting_steps")) {
    record.waiting_steps = static_cast<std::size_t>(reader.Count("waiting_steps"));
  }
  if (reader.Has("notes")) record.notes = reader.Texts("notes");
  record.machine = ReadMachine(reader.Object("machine"));
  return record;
}

}  // namespace kinglet::measure
