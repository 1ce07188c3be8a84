// kinglet run: any network, NumPy files in and out.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/model_options.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "kinglet/file.h"
#include "kinglet/model.h"
#include "kinglet/npy.h"

namespace kinglet::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kIndexFile = "outputs.json";

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
      tensors[name] = ReadNpy(file);
    } catch (const Error& error) {
      const std::string what = error.what();
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

void PrintReport(const RunOptions& options, const std::vector<Written>& written, double ms) {
  if (options.common.json) {
    Json line;
    line["model"] = options.model;
    line["outputs"] = Json::object();
    for (const Written& w : written) {
      line["outputs"][w.output] = {
          {"file", w.file}, {"type", DataTypeName(w.tensor->type())}, {"shape", w.tensor->shape()}};
    }
    line["ms"] = {{"infer", ms}};
    Print(JsonLine(line));
    return;
  }
  if (options.common.quiet) return;
  Table table({{"output"}, {"type"}, {"shape"}, {"file"}});
  for (const Written& w : written) {
    table.Add({OneLine(w.output), DataTypeName(w.tensor->type()), ShapeToString(w.tensor->shape()),
               OneLine((fs::path(options.output_dir) / w.file).string())});
  }
  Print(table.Text() + fmt::format("infer {:.2f} ms\n", ms));
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
  Model model =
      CompileModel(ReadOnnx(options.model, ReadOptionsOf(options.common)), options.common);
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
  const auto start = std::chrono::steady_clock::now();
  const Tensors* outputs = nullptr;
  try {
    outputs = &session.Run(*inputs);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidInput) throw;
    PrintError(error.what());  // an array has another type or shape than the model takes
    return Status::kInputFailed;
  }
  const std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - start;
  PrintReport(options, WriteOutputs(options.output_dir, *outputs), ms.count());
  return Status::kDone;
}

}  // namespace kinglet::cli
