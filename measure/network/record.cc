#include "measure/network/record.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"

namespace kinglet::measure {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMilliseconds = 1e4;  // what rounding leaves: a tenth of a microsecond

double Rounded(double value, double scale) { return std::round(value * scale) / scale; }

// One object of a record, with what its errors say.
class Reader {
 public:
  Reader(const Json& json, const std::string& source) : json_(json), source_(source) {}

  double Number(const char* key) const {
    const Json& value = At(key);
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!(number >= 0)) Refuse(key, "a number from 0", value);
    return number;
  }
  int Count(const char* key) const {
    const Json& value = At(key);
    const double number = value.is_number_integer() ? value.get<double>() : 0;
    if (number < 1 || number > std::numeric_limits<int>::max()) {
      Refuse(key, "a number from 1", value);
    }
    return static_cast<int>(number);
  }
  std::string Text(const char* key) const {
    const Json& value = At(key);
    if (!value.is_string()) Refuse(key, "a string", value);
    return value.get<std::string>();
  }
  Reader Object(const char* key) const {
    const Json& value = At(key);
    if (!value.is_object()) Refuse(key, "an object", value);
    return {value, source_};
  }
  std::vector<std::string> Texts(const char* key) const {
    const Json& value = At(key);
    std::vector<std::string> texts;
    if (!value.is_array()) Refuse(key, "an array of strings", value);
    for (const Json& text : value) {
      if (!text.is_string()) Refuse(key, "an array of strings", value);
      texts.push_back(text.get<std::string>());
    }
    return texts;
  }
  bool Has(const char* key) const { return json_.contains(key); }

 private:
  const Json& At(const char* key) const {
    const auto found = json_.find(key);
    if (found != json_.end()) return *found;
    throw Error(ErrorCode::kInvalidInput,
                source_ + ": the record of a measured point has no '" + key + "'");
  }
  [[noreturn]] void Refuse(const char* key, const char* expected, const Json& found) const {
    constexpr std::size_t kMostShown = 60;
    const std::string text = found.dump(-1, ' ', true, Json::error_handler_t::replace);
    throw Error(ErrorCode::kInvalidInput, source_ + ": '" + key + "': expected " + expected +
                                              ", found " + text.substr(0, kMostShown));
  }

  const Json& json_;
  const std::string& source_;
};

Json MachineJson(const Machine& machine) {
  return {{"cpu", machine.cpu},
          {"instruction_set", machine.instruction_set},
          {"cpus", machine.cpus},
          {"kinglet", machine.kinglet},
          {"peak_gflops", Rounded(machine.peak_gflops, 1e3)}};
}

Machine ReadMachine(const Reader& reader) {
  return {reader.Text("cpu"), reader.Text("instruction_set"), reader.Count("cpus"),
          reader.Text("kinglet"), reader.Number("peak_gflops")};
}

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
  const auto milliseconds = [](double ms) { return Rounded(ms, kMilliseconds); };
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
  if (!record.notes.empty()) line["notes"] = record.notes;
  line["machine"] = MachineJson(record.machine);
  line["format"] = kRecordFormat;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

PointRecord ParseRecord(std::string_view line, const std::string& source) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    throw Error(ErrorCode::kInvalidInput,
                source + ": expected the record of a measured point, a line of JSON");
  }
  const Reader reader(json, source);
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
  if (reader.Has("ms")) {
    const Reader stages = reader.Object("ms");
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
