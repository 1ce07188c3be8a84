// kinglet run: any network, NumPy files in and out.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/input_file.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "kinglet/file.h"
#include "kinglet/model.h"
#include "kinglet/npy.h"
#include "measure/common/repeat.h"
#include "measure/common/statistics.h"

namespace kinglet::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kIndexFile = "outputs.json";
constexpr std::size_t kMostOfArray = std::size_t{8} << 30;  // through a pipe, bytes

// Input files by name. The name is the longest input's that the argument begins with: names may
// have '=' in them.
std::map<std::string, std::string> ParseInputs(const std::vector<std::string>& arguments,
                                               const std::vector<TensorInfo>& inputs) {
  std::map<std::string, std::string> files;
  for (const std::string& argument : arguments) {
    std::string name = argument.substr(0, argument.find('='));
    if (name.size() == argument.size()) {
      throw UsageError("--input: expected NAME=FILE.npy, found '" + argument + "'");
    }
    for (const TensorInfo& info : inputs) {
      if (info.name.size() > name.size() && argument.starts_with(info.name + "=")) name = info.name;
    }
    if (!files.emplace(name, argument.substr(name.size() + 1)).second) {
      throw UsageError("--input: '" + name + "' is given twice");
    }
  }
  return files;
}

void CheckNames(const std::map<std::string, std::string>& files,
                const std::vector<TensorInfo>& inputs) {
  std::string names;
  for (const TensorInfo& info : inputs) {
    names += (names.empty() ? "'" : ", '") + info.name + "'";
  }
  if (names.empty()) names = "none";
  for (const auto& [name, file] : files) {
    const bool known = std::any_of(inputs.begin(), inputs.end(),
                                   [&name = name](const auto& info) { return info.name == name; });
    if (!known) {
      throw UsageError("--input: the model has no input '" + name + "'; its inputs are " + names);
    }
  }
  for (const TensorInfo& info : inputs) {
    if (files.count(info.name) == 0) {
      throw UsageError("--input: '" + info.name + "' is missing; the model's inputs are " + names);
    }
  }
}

// Nothing when a file failed; each failure has been printed.
std::optional<Tensors> ReadInputs(const std::map<std::string, std::string>& files) {
  Tensors tensors;
  bool failed = false;
  for (const auto& [name, file] : files) {
    try {
      const InputFile input(file, kMostOfArray);
      tensors[name] = ReadNpy(input.path());
    } catch (const Error& error) {
      const std::string what = WithShownNames(error.what());
      PrintError(what.find(file) == what.npos ? file + ": " + what : what);
      failed = true;
    }
  }
  if (failed) return std::nullopt;
  return tensors;
}

// Output names are the model's: as file names they keep letters, digits and _ - . only.
class FileNames {
 public:
  std::string For(const std::string& output) {
    constexpr std::size_t kMaxBytes = 100;
    std::string stem = output.substr(0, kMaxBytes);
    std::replace_if(
        stem.begin(), stem.end(),
        [](char c) {
          const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
          return !plain;
        },
        '_');
    if (stem.empty() || stem.front() == '.') stem.insert(0, 1, '_');
    std::string name = stem + ".npy";
    for (int i = 2; !used_.insert(name).second; ++i) name = fmt::format("{}_{}.npy", stem, i);
    return name;
  }

 private:
  std::set<std::string> used_;
};

struct Written {
  std::string output;
  std::string file;
  const Tensor* tensor;
};

std::vector<Written> WriteOutputs(const std::string& folder, const Tensors& outputs) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw Error(ErrorCode::kIo, folder + ": the folder cannot be made: " + error.message());
  }
  // No index of an earlier run stays beside the arrays of this one.
  const fs::path index_path = fs::path(folder) / kIndexFile;
  fs::remove(index_path, error);
  std::vector<Written> written;
  FileNames names;
  Json index = Json::object();
  for (const auto& [name, tensor] : outputs) {
    written.push_back({name, names.For(name), &tensor});
    WriteNpy((fs::path(folder) / written.back().file).string(), tensor);
    index[name] = written.back().file;
  }
  WriteFile(index_path.string(), index.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  return written;
}

// Milliseconds of the network: the first run, and with --time the median of those that followed.
struct RunTimes {
  double first = 0;
  std::optional<measure::Times> warm{};
};

void PrintReport(const RunOptions& options, const std::vector<Written>& written,
                 const RunTimes& times) {
  if (options.common.json) {
    Json line;
    line["model"] = options.model;
    line["outputs"] = Json::object();
    for (const Written& w : written) {
      line["outputs"][w.output] = {
          {"file", w.file}, {"type", DataTypeName(w.tensor->type())}, {"shape", w.tensor->shape()}};
    }
    line["ms"] = {{"network", times.warm ? times.warm->median_ms : times.first}};
    line["first_run"] = !times.warm.has_value();
    Print(JsonLine(line));
    return;
  }
  if (options.common.quiet) return;
  Table table({{.heading = "output", .fit = Fit::kShorten},
               {"type"},
               {.heading = "shape", .fit = Fit::kShorten},
               {.heading = "file", .fit = Fit::kShorten}});
  for (const Written& w : written) {
    table.Add({OneLine(w.output), DataTypeName(w.tensor->type()), ShapeToString(w.tensor->shape()),
               OneLine((fs::path(options.output_dir) / w.file).string())});
  }
  std::string text = table.Text() + fmt::format("network {:.2f} ms in its first run", times.first);
  if (times.warm) {
    text += fmt::format(", {:.2f} ms in the median of {} others", times.warm->median_ms,
                        times.warm->runs);
  }
  Print(text + '\n');
}

// Plans for the shapes that the model declares, where it leaves none free: what cannot run at its
// own shapes is the model's fault and not that of an input file.
void CheckDeclaredShapes(const Model& model) {
  InputShapes shapes;
  for (const TensorInfo& info : model.inputs()) {
    const bool fixed = info.has_shape && std::all_of(info.shape.begin(), info.shape.end(),
                                                     [](std::int64_t size) { return size >= 0; });
    if (!fixed) return;
    shapes[info.name] = info.shape;
  }
  model.Describe(shapes);
}

}  // namespace

Status RunCommand(const RunOptions& options) {
  Model model = CompileModel(OpenModel(options.model, options.common), options.common);
  const auto files = ParseInputs(options.inputs, model.inputs());
  CheckNames(files, model.inputs());
  CheckDeclaredShapes(model);
  const std::optional<Tensors> inputs = ReadInputs(files);
  if (!inputs) return Status::kInputFailed;
  if (options.common.costs.tune) {
    InputShapes shapes;
    for (const auto& [name, tensor] : *inputs) shapes[name] = tensor.shape();
    TuneWhenAsked(model, shapes, options.common);
  }
  Session session = model.NewSession();
  RunTimes times;
  const Tensors* outputs = nullptr;
  try {
    const Timer timer;
    outputs = &session.Run(*inputs);
    times.first = timer.ms();
    if (options.time) {
      times.warm = measure::Summarise(measure::TimeRuns([&] { outputs = &session.Run(*inputs); },
                                                        {.warm_up_ms = 100, .budget_ms = 1000}));
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidInput) throw;
    PrintError(error.what());  // an array has another type or shape than the model takes
    return Status::kInputFailed;
  }
  PrintReport(options, WriteOutputs(options.output_dir, *outputs), times);
  return Status::kDone;
}

}  // namespace kinglet::cli
