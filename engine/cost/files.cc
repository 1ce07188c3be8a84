#include "engine/cost/files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "engine/cost/thread_limit.h"
#include "kernels/common/cpu_target.h"
#include "kinglet/error.h"
#include "kinglet/file.h"

namespace kinglet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uintmax_t kMaxFileBytes = 64 << 20;
constexpr const char* kCalibration = "calibration";
constexpr const char* kTuning = "tuning";
constexpr int kCalibrationFormat = 2;
constexpr int kTuningFormat = 2;
constexpr std::size_t kShownBytes = 60;  // of a name or value in a message
// No machine is outside, in whatever unit; predictions made of such numbers stay finite.
constexpr double kLeastFigure = 1e-12;
constexpr double kLargestFigure = 1e15;
constexpr int kLargestRevision = 1'000'000'000;

[[noreturn]] void Wrong(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::kInvalidInput, file + ": " + what);
}

// A value of a file in a message: short, and on one line.
std::string Shown(const Json& value) {
  if (value.is_structured()) return value.is_object() ? "an object" : "a list";
  if (!value.is_string()) return value.dump();
  const std::string& text = value.get_ref<const std::string&>();
  const std::string shown =
      Json(text.substr(0, kShownBytes)).dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() > kShownBytes ? shown + "..." : shown;
}

// 'name', the same way.
std::string Quoted(const std::string& name) {
  std::string text = Shown(name);
  const std::size_t end = text.rfind('"');
  text[0] = '\'';
  text[end] = '\'';
  return text;
}

std::string Target() { return std::string(kernels::ActiveTarget()); }

// "AMD EPYC (25 17 1)" -> "amd-epyc-25-17-1".
std::string FileNamePart(const std::string& text) {
  std::string part;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
    if (plain)
      part += c;
    else if (c >= 'A' && c <= 'Z')
      part += static_cast<char>(c - 'A' + 'a');
    else if (!part.empty() && part.back() != '-')
      part += '-';
  }
  while (!part.empty() && part.back() == '-') part.pop_back();
  return part.substr(0, 100);
}

std::string DefaultFile(const char* kind) {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value != nullptr && *value == '/' ? value : "";
  };
  std::string folder = variable("XDG_CACHE_HOME");
  if (folder.empty() && !variable("HOME").empty()) folder = variable("HOME") + "/.cache";
  if (folder.empty()) return "";
  return folder + "/kinglet/" + kind + "-" + FileNamePart(CpuName()) + "-" + Target() + "-" +
         KINGLET_VERSION + ".json";
}

// The default file where none is named. Throws Error(kIo) when there is no folder for it.
std::string FileToWrite(const std::string& file, const std::string& otherwise) {
  if (!file.empty()) return file;
  if (!otherwise.empty()) return otherwise;
  throw Error(ErrorCode::kIo,
              "there is no cache folder, as neither XDG_CACHE_HOME nor HOME is set: name a file");
}

Json Heading(const char* kind) {
  return {{"kinglet", kind},
          {"format", kind == std::string_view(kCalibration) ? kCalibrationFormat : kTuningFormat},
          {"cpu", CpuName()},
          {"target", Target()},
          {"version", KINGLET_VERSION}};
}

std::string ReadText(const std::string& file) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file, error);
  if (error) throw Error(ErrorCode::kIo, file + ": cannot be read: " + error.message());
  if (bytes > kMaxFileBytes) Wrong(file, "is too large for such a file");
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) throw Error(ErrorCode::kIo, file + ": cannot be read");
  return std::move(text).str();
}

// The file's JSON, whose heading fits kind and machine.
Json ReadJson(const std::string& file, const char* kind) {
  const Json root = Json::parse(ReadText(file), nullptr, false);
  const std::string article = std::string("is no ") + kind + " file of Kinglet";
  if (!root.is_object() || !root.contains("kinglet") || root["kinglet"] != kind) {
    Wrong(file, article);
  }
  const Json heading = Heading(kind);
  for (const auto& [name, expected] : heading.items()) {
    if (root.contains(name) && root[name] == expected) continue;
    const std::string found = root.contains(name) ? Shown(root[name]) : Shown("nothing");
    Wrong(file, "is for " + name + " " + found + ", expected " + Shown(expected) +
                    "; make it again on this machine");
  }
  return root;
}

const Json& NumberOf(const Json& object, const std::string& name, const std::string& file) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) Wrong(file, "has no number " + Quoted(name));
  return *found;
}

double Positive(const Json& object, const std::string& name, const std::string& file) {
  const Json& number = NumberOf(object, name, file);
  const auto value = number.get<double>();
  if (!(value >= kLeastFigure && value <= kLargestFigure)) {
    Wrong(file, Quoted(name) + " is " + Shown(number) + ", expected a number from " +
                    Shown(kLeastFigure) + " to " + Shown(kLargestFigure));
  }
  return value;
}

// A whole number from 1 to `largest`.
int Count(const Json& object, const std::string& name, const std::string& file, int largest) {
  const Json& number = NumberOf(object, name, file);
  const auto value = number.get<double>();
  if (!number.is_number_integer() || value < 1 || value > largest) {
    Wrong(file, Quoted(name) + " is " + Shown(number) + ", expected a whole number from 1 to " +
                    std::to_string(largest));
  }
  return static_cast<int>(value);
}

const Json& ObjectOf(const Json& root, const std::string& name, const std::string& file) {
  const auto found = root.find(name);
  if (found == root.end() || !found->is_object()) Wrong(file, "has no object '" + name + "'");
  return *found;
}

void WriteText(const std::string& file, const std::string& text) {
  std::error_code error;
  const fs::path folder = fs::path(file).parent_path();
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kIo, file + ": cannot be written: " + error.message());
  WriteFile(file, text);
}

// Runs `read(file)` when the file is named or exists in the cache; failures of the latter are
// notes.
template <typename F>
void ReadOptional(const std::string& named, const std::string& cached, bool use_cache,
                  std::vector<std::string>& notes, F&& read) {
  if (!named.empty()) return read(named);
  std::error_code error;
  if (!use_cache || cached.empty() || !fs::exists(cached, error)) return;
  try {
    read(cached);
  } catch (const Error& failure) {
    notes.push_back(std::string("ignored: ") + failure.what());
  }
}

}  // namespace

std::string CpuName() {
  static const std::string name = [] {
    std::ifstream file("/proc/cpuinfo");
    std::string text;
    std::string numbers;
    for (std::string line; std::getline(file, line) && !line.empty();) {  // the first CPU's
      const std::size_t colon = line.find(':');
      if (colon == line.npos) continue;
      const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
      const std::string value = line.substr(std::min(line.size(), colon + 2));
      if (key == "model name") text = value;
      for (const char* wanted :
           {"cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU variant"}) {
        if (key == wanted) numbers += (numbers.empty() ? "" : " ") + value;
      }
    }
    return (text.empty() ? "CPU" : text) + " (" + numbers + ")";
  }();
  return name;
}

std::string DefaultCalibrationFile() { return DefaultFile(kCalibration); }
std::string DefaultTuningFile() { return DefaultFile(kTuning); }

void SaveCalibration(const Calibration& c, const std::string& file) {
  Json root = Heading(kCalibration);
  root["threads"] = c.threads;
  root["peaks"] = c.peaks;
  root["l3_bytes"] = c.l3_bytes;
  root["l2_gbps"] = c.l2_gbps;
  root["l3_gbps"] = c.l3_gbps;
  root["l3_all_gbps"] = c.l3_all_gbps;
  root["dram_gbps"] = c.dram_gbps;
  root["dram_all_gbps"] = c.dram_all_gbps;
  root["share_of_peak"] = c.share_of_peak;
  WriteText(FileToWrite(file, DefaultCalibrationFile()), root.dump(2) + "\n");
}

Calibration ReadCalibration(const std::string& file) {
  const Json root = ReadJson(file, kCalibration);
  Calibration c;
  c.threads = Count(root, "threads", file, kMostThreads);
  for (const auto& [type, families] : ObjectOf(root, "peaks", file).items()) {
    if (!families.is_object()) Wrong(file, Quoted(type) + " is no object");
    for (const auto& [family, peak] : families.items()) {
      c.peaks[type][family] = Positive(families, family, file);
    }
  }
  if (!c.peaks["float32"].contains("vector")) Wrong(file, "has no peak of float32 vectors");
  c.l3_bytes = Positive(root, "l3_bytes", file);
  c.l2_gbps = Positive(root, "l2_gbps", file);
  c.l3_gbps = Positive(root, "l3_gbps", file);
  c.l3_all_gbps = Positive(root, "l3_all_gbps", file);
  c.dram_gbps = Positive(root, "dram_gbps", file);
  c.dram_all_gbps = Positive(root, "dram_all_gbps", file);
  const Json& shares = ObjectOf(root, "share_of_peak", file);
  for (const auto& [name, share] : shares.items()) {
    c.share_of_peak[name] = Positive(shares, name, file);
  }
  return c;
}

void Apply(const Calibration& c, kernels::MachineModel& machine) {
  for (std::size_t type = 0; type < kernels::kElementTypeCount; ++type) {
    const auto families =
        c.peaks.find(kernels::ElementName(static_cast<kernels::ElementType>(type)));
    if (families == c.peaks.end()) continue;
    for (std::size_t family = 0; family < kernels::kInstructionFamilies; ++family) {
      const auto found = families->second.find(kernels::kInstructionFamilyNames[family]);
      if (found != families->second.end()) machine.peaks[type][family] = found->second;
    }
  }
  machine.l3_bytes = c.l3_bytes;
  machine.l2_gbps = c.l2_gbps;
  machine.l3_gbps = c.l3_gbps;
  machine.l3_all_gbps = c.l3_all_gbps;
  machine.dram_gbps = c.dram_gbps;
  machine.dram_all_gbps = c.dram_all_gbps;
  for (std::size_t kind = 0; kind < kernels::kWorkKinds; ++kind) {
    const auto found = c.share_of_peak.find(kernels::kWorkKindNames[kind]);
    if (found != c.share_of_peak.end()) machine.share_of_peak[kind] = found->second;
  }
}

TuningTable ReadTuning(const std::string& file) {
  const Json root = ReadJson(file, kTuning);
  TuningTable table;
  for (const auto& [text, times] : ObjectOf(root, "choices", file).items()) {
    const std::optional<ChoiceKey> key = ParseChoiceKey(text);
    if (!key) Wrong(file, Quoted(text) + " names no choice among kernels");
    if (!times.is_object()) Wrong(file, Quoted(text) + " is no object");
    for (const auto& [kernel, measured] : times.items()) {
      if (!measured.is_object()) Wrong(file, Quoted(kernel) + " is no object");
      table[*key][kernel] = {Positive(measured, "seconds", file),
                             Count(measured, "revision", file, kLargestRevision)};
    }
  }
  return table;
}

void AddToTuningFile(const TuningTable& table, const std::string& file) {
  const std::string path = FileToWrite(file, DefaultTuningFile());
  TuningTable all;
  std::error_code error;
  if (fs::exists(path, error)) {
    try {
      all = ReadTuning(path);
    } catch (const Error&) {
      if (!file.empty()) throw;
    }
  }
  for (const auto& [key, times] : table) all[key] = times;
  Json choices = Json::object();
  for (const auto& [key, times] : all) {
    Json& choice = choices[ToString(key)] = Json::object();
    for (const auto& [kernel, measured] : times) {
      choice[kernel] = {{"seconds", measured.seconds}, {"revision", measured.revision}};
    }
  }
  Json root = Heading(kTuning);
  root["choices"] = std::move(choices);
  WriteText(path, root.dump(1) + "\n");
}

CostModel LoadCostModel(const CostFiles& files, std::vector<std::string>& notes) {
  CostModel cost;
  const auto calibration = [&](const std::string& file) {
    Apply(ReadCalibration(file), cost.machine);
  };
  const auto tuning = [&](const std::string& file) {
    cost.tuning = std::make_shared<const TuningTable>(ReadTuning(file));
  };
  ReadOptional(files.calibration, DefaultCalibrationFile(), files.use_cache, notes, calibration);
  ReadOptional(files.tuning, DefaultTuningFile(), files.use_cache, notes, tuning);
  return cost;
}

}  // namespace kinglet
