#include "characterize/tune/profile_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"
#include "kinglet/file.h"
#include "kinglet/precision.h"
#include "measure/common/json_reader.h"
#include "measure/common/machine_json.h"
#include "models/files/files.h"

namespace kinglet::characterize {
namespace {

using ProfileJson = measure::JsonReader::Json;

constexpr std::size_t kMostBytes = 1 << 20;
constexpr int kMostBatch = 65536, kMostThreads = 1024;  // as of the command line
constexpr const char* kThreadsName = "threads";
constexpr const char* kProcessesName = "processes";

ProfileJson GoalJson(const Profile& profile) {
  ProfileJson goal = ProfileJson::object();
  if (profile.bound.latency_ms) {
    goal["latency_ms"] = *profile.bound.latency_ms;
    goal["percentile"] = profile.bound.percentile;
  }
  if (profile.bound.memory_mb) goal["memory_mb"] = *profile.bound.memory_mb;
  if (profile.rate > 0) goal["rate"] = profile.rate;
  return goal;
}

ProfileJson MeasuredJson(const Profile& profile) {
  const Latency& latency = profile.latency;
  const auto ms = [](double value) { return measure::Rounded(value, 1e4); };
  return {{"images_per_s", measure::Rounded(profile.images_per_s, 1e3)},
          {"mean_ms", ms(latency.mean_ms)},
          {"p50_ms", ms(latency.p50_ms)},
          {"p90_ms", ms(latency.p90_ms)},
          {"p95_ms", ms(latency.p95_ms)},
          {"p99_ms", ms(latency.p99_ms)},
          {"runs", latency.runs},
          {"peak_rss_mb", measure::Rounded(profile.peak_rss_mb, 10)}};
}

void ReadSettings(const measure::JsonReader& reader, Profile& profile) {
  const auto count = [&](const char* key, int most) {
    const int value = reader.Count(key);
    if (value > most) reader.Refuse(key, "a smaller number");
    return value;
  };
  SweepKey& key = profile.key;
  key.batch = count("batch", kMostBatch);
  key.threads = count("threads", kMostThreads);
  key.instances = count("instances", kMostThreads);
  const std::string kind = reader.Text("as");
  if (kind != kThreadsName && kind != kProcessesName)
    reader.Refuse("as", "'threads' or 'processes'");
  key.kind = kind == kThreadsName ? InstanceKind::kThreads : InstanceKind::kProcesses;
  key.precision = reader.Has("precision") ? reader.Text("precision") : "";
  if (!key.precision.empty() && !PrecisionOf(key.precision)) {
    reader.Refuse("precision", "f32, bf16, int8 or auto");
  }
  if (reader.Has("tuning")) key.tuning = reader.Text("tuning");
  if (reader.Has("descriptor")) profile.descriptor = reader.Text("descriptor");
  if (reader.Has("shapes")) profile.shapes = reader.Texts("shapes");
}

void ReadGoal(const measure::JsonReader& reader, Profile& profile) {
  if (reader.Has("latency_ms")) {
    profile.bound.latency_ms = reader.Number("latency_ms");
    profile.bound.percentile = reader.Count("percentile");
    const int* end = std::end(kPercentiles);
    if (std::find(std::begin(kPercentiles), end, profile.bound.percentile) == end) {
      reader.Refuse("percentile", "50, 90, 95 or 99");
    }
  }
  if (reader.Has("memory_mb")) profile.bound.memory_mb = reader.Number("memory_mb");
  if (reader.Has("rate")) profile.rate = reader.Number("rate");
}

}  // namespace

std::string ProfileText(const Profile& profile) {
  const SweepKey& key = profile.key;
  ProfileJson settings = {
      {"batch", key.batch},
      {"threads", key.threads},
      {"instances", key.instances},
      {"as", key.kind == InstanceKind::kThreads ? kThreadsName : kProcessesName}};
  if (!key.precision.empty()) settings["precision"] = key.precision;
  if (!key.tuning.empty()) settings["tuning"] = key.tuning;
  if (!profile.descriptor.empty()) settings["descriptor"] = profile.descriptor;
  if (!profile.shapes.empty()) settings["shapes"] = profile.shapes;
  const ProfileJson root = {{"kinglet", "profile"},
                            {"format", kProfileFormat},
                            {"network", key.network},
                            {"network_key", profile.network_key},
                            {"settings", settings},
                            {"goal", GoalJson(profile)},
                            {"measured", MeasuredJson(profile)},
                            {"machine", measure::MachineJson(profile.machine)}};
  return root.dump(2, ' ', false, ProfileJson::error_handler_t::replace) + "\n";
}

Profile ParseProfile(std::string_view text, const std::string& source) {
  const ProfileJson json = ProfileJson::parse(text, nullptr, false);
  if (!json.is_object() || json.value("kinglet", ProfileJson()) != "profile") {
    throw Error(ErrorCode::kInvalidInput,
                source + ": expected a profile that 'kinglet tune --latency' wrote");
  }
  const measure::JsonReader reader(json, source);
  if (const int format = reader.Count("format"); format != kProfileFormat) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{}: expected a profile of format {}, found format {}, of another "
                            "version",
                            source, kProfileFormat, format));
  }
  Profile profile;
  profile.key.network = reader.Text("network");
  profile.network_key = reader.Text("network_key");
  ReadSettings(reader.Object("settings"), profile);
  ReadGoal(reader.Object("goal"), profile);
  const measure::JsonReader measured = reader.Object("measured");
  Latency& latency = profile.latency;
  profile.images_per_s = measured.Number("images_per_s");
  latency.mean_ms = measured.Number("mean_ms");
  latency.p50_ms = measured.Number("p50_ms");
  latency.p90_ms = measured.Number("p90_ms");
  latency.p95_ms = measured.Number("p95_ms");
  latency.p99_ms = measured.Number("p99_ms");
  latency.runs = measured.Size("runs");
  profile.peak_rss_mb = measured.Number("peak_rss_mb");
  profile.machine = measure::ReadMachine(reader.Object("machine"));
  return profile;
}

void WriteProfile(const std::string& path, Profile profile) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::absolute(path, error).parent_path();
  for (std::string* file : {&profile.key.tuning, &profile.descriptor}) {
    if (!std::filesystem::exists(*file, error)) continue;  // a name, or none
    const std::string seen = std::filesystem::proximate(*file, folder, error).string();
    if (!error) *file = seen;
  }
  WriteFile(path, ProfileText(profile));
}

Profile ReadProfile(const std::string& path) {
  Profile profile = ParseProfile(ReadTextFile(path, kMostBytes, "a profile"), path);
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  for (std::string* file : {&profile.key.tuning, &profile.descriptor}) {
    const bool is_name =
        file == &profile.descriptor && !std::filesystem::exists(folder / *file, error);
    if (!file->empty() && !is_name) *file = (folder / *file).string();
  }
  return profile;
}

}  // namespace kinglet::characterize
