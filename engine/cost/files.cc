#include "engine/cost/files.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "engine/cost/machine_file.h"
#include "engine/cost/thread_limit.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

namespace fs = std::filesystem;

constexpr MachineFileKind kCalibration = {"calibration", 3, 2};
constexpr MachineFileKind kTuning = {"tuning", 2};
constexpr int kLargestRevision = 1'000'000'000;

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
  if (c.step_seconds > 0) root["step_seconds"] = c.step_seconds;
  if (c.handover_seconds > 0) root["handover_seconds"] = c.handover_seconds;
  root["share_of_peak"] = c.share_of_peak;
  root["more"] = c.more;
  root["spread"] = c.spread;
  root["marks"] = c.marks;
  WriteText(FileToWrite(file, kCalibration), root.dump(2) + "\n");
}

namespace {

constexpr std::size_t kMostMark = 200;  // characters of a text in a file that is shown to people

// Of files of this format, where they are there.
void ReadBeside(const Json& root, const std::string& file, Calibration& c) {
  if (root.contains("step_seconds")) c.step_seconds = PositiveOf(root, "step_seconds", file);
  if (root.contains("handover_seconds")) {
    c.handover_seconds = PositiveOf(root, "handover_seconds", file);
  }
  const auto figures_of = [&](const char* name) {
    Calibration::Figures figures;
    if (!root.contains(name)) return figures;
    const Json& object = ObjectOf(root, name, file);
    for (const auto& [figure, value] : object.items()) {
      figures[figure] = value == 0 ? 0 : PositiveOf(object, figure, file);
    }
    return figures;
  };
  c.more = figures_of("more");
  c.spread = figures_of("spread");
  if (!root.contains("marks")) return;
  for (const auto& [figure, mark] : ObjectOf(root, "marks", file).items()) {
    if (!mark.is_string()) ThrowWrongFile(file, "the mark of " + Quoted(figure) + " is no text");
    c.marks[figure] = mark.get<std::string>().substr(0, kMostMark);
  }
}

// A note on figures that were measured while something else ran; "" where there are none.
std::string NoteOn(const Calibration& c, const std::string& file) {
  const auto disturbed = std::count_if(c.marks.begin(), c.marks.end(), [](const auto& mark) {
    return mark.second.starts_with("disturbed");
  });
  if (disturbed == 0) return "";
  return file + ": " + std::to_string(disturbed) +
         " figures were measured while something else ran; run kinglet calibrate again when the "
         "machine is quiet";
}

Calibration CalibrationOf(const Json& root, const std::string& file) {
  Calibration c;
  c.threads = CountOf(root, "threads", file, kMostThreads);
  for (const auto& [type, families] : ObjectOf(root, "peaks", file).items()) {
    if (!families.is_object()) ThrowWrongFile(file, Quoted(type) + " is no object");
    for (const auto& [family, peak] : families.items()) {
      c.peaks[type][family] = PositiveOf(families, family, file);
    }
  }
  if (!c.peaks["float32"].contains("vector"))
    ThrowWrongFile(file, "has no peak of float32 vectors");
  c.l3_bytes = PositiveOf(root, "l3_bytes", file);
  c.l2_gbps = PositiveOf(root, "l2_gbps", file);
  c.l3_gbps = PositiveOf(root, "l3_gbps", file);
  c.l3_all_gbps = PositiveOf(root, "l3_all_gbps", file);
  c.dram_gbps = PositiveOf(root, "dram_gbps", file);
  c.dram_all_gbps = PositiveOf(root, "dram_all_gbps", file);
  const Json& shares = ObjectOf(root, "share_of_peak", file);
  for (const auto& [name, share] : shares.items()) {
    c.share_of_peak[name] = PositiveOf(shares, name, file);
  }
  ReadBeside(root, file, c);
  return c;
}

}  // namespace

Calibration ReadCalibration(const std::string& file) {
  return CalibrationOf(ReadJson(file, kCalibration), file);
}

Calibration ReadForeignCalibration(const std::string& file, std::string& cpu, std::string& target) {
  const Json root = ReadForeignJson(file, kCalibration);
  cpu = root["cpu"].get<std::string>();
  target = root["target"].get<std::string>();
  return CalibrationOf(root, file);
}

Calibration FiguresOf(const kernels::MachineModel& machine) {
  Calibration c;
  for (std::size_t type = 0; type < kernels::kElementTypeCount; ++type) {
    for (std::size_t family = 0; family < kernels::kInstructionFamilies; ++family) {
      const double peak = machine.peaks[type][family];
      const std::string name = kernels::ElementName(static_cast<kernels::ElementType>(type));
      if (peak > 0) {
        c.peaks[name][std::string(kernels::kInstructionFamilyNames[family])] = peak;
      }
    }
  }
  c.l3_bytes = machine.l3_bytes;
  c.l2_gbps = machine.l2_gbps;
  c.l3_gbps = machine.l3_gbps;
  c.l3_all_gbps = machine.l3_all_gbps;
  c.dram_gbps = machine.dram_gbps;
  c.dram_all_gbps = machine.dram_all_gbps;
  c.step_seconds = machine.step_seconds;
  c.handover_seconds = machine.handover_seconds;
  for (std::size_t kind = 0; kind < kernels::kWorkKinds; ++kind) {
    c.share_of_peak[std::string(kernels::kWorkKindNames[kind])] = machine.share_of_peak[kind];
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
  // Nobody's measured ones stay where these figures have none.
  const kernels::MachineModel built_in = kernels::DefaultMachineModel();
  machine.step_seconds = c.step_seconds > 0 ? c.step_seconds : built_in.step_seconds;
  machine.handover_seconds =
      c.handover_seconds > 0 ? c.handover_seconds : built_in.handover_seconds;
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
    if (!key) ThrowWrongFile(file, Quoted(text) + " names no choice among kernels");
    if (!times.is_object()) ThrowWrongFile(file, Quoted(text) + " is no object");
    for (const auto& [kernel, measured] : times.items()) {
      if (!measured.is_object()) ThrowWrongFile(file, Quoted(kernel) + " is no object");
      table[*key][kernel] = {PositiveOf(measured, "seconds", file),
                             CountOf(measured, "revision", file, kLargestRevision)};
    }
  }
  return table;
}

void AddToTuningFile(const TuningTable& table, const std::string& file) {
  const std::string path = FileToWrite(file, kTuning);
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
    const Calibration read = ReadCalibration(file);
    Apply(read, cost.machine);
    if (std::string note = NoteOn(read, file); !note.empty()) notes.push_back(std::move(note));
  };
  const auto tuning = [&](const std::string& file) {
    cost.tuning = std::make_shared<const TuningTable>(ReadTuning(file));
  };
  ReadOptional(files.calibration, DefaultCalibrationFile(), files.use_cache, notes, calibration);
  ReadOptional(files.tuning, DefaultTuningFile(), files.use_cache, notes, tuning);
  return cost;
}

}  // namespace kinglet
