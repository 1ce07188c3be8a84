#include "characterize/sweep/sweep_json.h"

#include "kinglet/error.h"
#include "measure/common/machine_json.h"
#include "measure/network/turn_json.h"

namespace kinglet::characterize {
namespace {

using measure::JsonReader;
using measure::Rounded;
using Json = JsonReader::Json;

constexpr std::size_t kMostKeys = 100'000;

Json KeyJson(const SweepKey& key) {
  Json json = {{"network", key.network}, {"precision", key.precision}, {"batch", key.batch},
               {"threads", key.threads}, {"instances", key.instances}, {"as", KindName(key.kind)},
               {"rate", key.rate}};
  if (!key.tuning.empty()) json["tuning"] = key.tuning;
  return json;
}

SweepKey ReadKey(const JsonReader& reader) {
  SweepKey key;
  key.network = reader.Text("network");
  key.precision = reader.Text("precision");
  key.batch = reader.Count("batch");
  key.threads = reader.Count("threads");
  key.instances = reader.Count("instances");
  const std::string kind = reader.Text("as");
  if (kind != "threads" && kind != "processes") reader.Refuse("as", "threads or processes");
  key.kind = kind == "threads" ? InstanceKind::kThreads : InstanceKind::kProcesses;
  key.rate = reader.Number("rate");
  if (reader.Has("tuning")) key.tuning = reader.Text("tuning");
  return key;
}

Json TrustJson(const Trust& trust) {
  return {{"duration_s", trust.duration_s}, {"interval", trust.interval},
          {"min_turns", trust.min_turns},   {"turns", trust.turns},
          {"host_share", trust.host_share}, {"steal", trust.steal},
          {"others", trust.others}};
}

Trust ReadTrust(const JsonReader& reader) {
  Trust trust;
  trust.duration_s = reader.Number("duration_s");
  trust.interval = reader.Number("interval");
  trust.min_turns = reader.Size("min_turns");
  trust.turns = static_cast<std::size_t>(reader.Count("turns"));
  trust.host_share = reader.Number("host_share");
  trust.steal = reader.Number("steal");
  trust.others = reader.Number("others");
  return trust;
}

Json ParseLine(std::string_view line, const std::string& source) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    throw Error(ErrorCode::kInvalidInput, source + ": expected a line of a sweep, a JSON object");
  }
  return json;
}

}  // namespace

std::string HeaderLine(const SweepHeader& header) {
  Json options = Json::object();
  for (const auto& [name, value] : header.options) options[name] = value;
  Json keys = Json::array();
  for (const SweepKey& key : header.keys) keys.push_back(KeyJson(key));
  const Json line = {{"sweep", options},
                     {"trust", TrustJson(header.trust)},
                     {"machine", measure::MachineJson(header.machine)},
                     {"points", keys},
                     {"format", kSweepFormat}};
  return measure::CompactJson(line) + "\n";
}

SweepHeader ParseHeader(std::string_view line, const std::string& source) {
  const Json json = ParseLine(line, source);
  const JsonReader reader(json, source);
  if (const int format = reader.Count("format"); format != kSweepFormat) {
    throw Error(ErrorCode::kInvalidInput, source + ": expected a sweep of format " +
                                              std::to_string(kSweepFormat) + ", found format " +
                                              std::to_string(format) + ", of another version");
  }
  SweepHeader header;
  reader.Object("sweep");
  for (const auto& [name, value] : json["sweep"].items()) {
    if (!value.is_string()) reader.Refuse("sweep", "an object of strings");
    header.options.emplace_back(name, value.get<std::string>());
  }
  header.trust = ReadTrust(reader.Object("trust"));
  header.machine = measure::ReadMachine(reader.Object("machine"));
  const Json& points = reader.Array("points");
  if (points.size() > kMostKeys) reader.Refuse("points", "at most 100000 points");
  for (const Json& point : points) {
    if (!point.is_object()) reader.Refuse("points", "an array of objects");
    header.keys.push_back(ReadKey(JsonReader(point, source)));
  }
  return header;
}

std::string TurnLine(const TurnRecord& turn) {
  Json line = {{"point", KeyJson(turn.key)}};
  if (!turn.failed.empty()) {
    line["failed"] = turn.failed;
    return measure::CompactJson(line) + "\n";
  }
  line["host_share"] = Rounded(turn.host_share, 1e4);
  Json speeds = Json::array();
  for (const double gflops : turn.host_gflops) speeds.push_back(Rounded(gflops, 1e3));
  line["host_gflops"] = std::move(speeds);
  line["host_mhz"] = Rounded(turn.host_mhz, 1);
  if (!turn.disturbed.empty()) line["disturbed"] = turn.disturbed;
  line["turn"] = measure::TurnResultJson(turn.result);
  return measure::CompactJson(line) + "\n";
}

TurnRecord ParseTurn(std::string_view line, const std::string& source) {
  const Json json = ParseLine(line, source);
  const JsonReader reader(json, source);
  TurnRecord turn;
  turn.key = ReadKey(reader.Object("point"));
  if (reader.Has("failed")) {
    turn.failed = reader.Text("failed");
    return turn;
  }
  turn.host_share = reader.Number("host_share");
  // Earlier versions kept the share of the best alone, which stands for one CPU.
  turn.host_gflops = reader.Has("host_gflops") ? reader.Numbers("host_gflops")
                                               : std::vector<double>{turn.host_share};
  turn.host_mhz = reader.Number("host_mhz");
  if (reader.Has("disturbed")) turn.disturbed = reader.Text("disturbed");
  turn.result = measure::ReadTurnResult(reader.Object("turn"));
  return turn;
}

}  // namespace kinglet::characterize
