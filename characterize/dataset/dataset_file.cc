// A dataset's three files.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "characterize/common/figures_json.h"
#include "characterize/dataset/dataset.h"
#include "kinglet/error.h"
#include "kinglet/file.h"
#include "models/files/files.h"

namespace kinglet::characterize {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kDatasetFormat = 1;
constexpr std::size_t kMaxCsvBytes = std::size_t{2} << 30;
constexpr std::size_t kMaxSchemaBytes = std::size_t{16} << 20;

std::string Beside(const std::string& file, const char* extension) {
  if (fs::path(file).extension() != ".csv") {
    throw Error(ErrorCode::kInvalidInput, file + ": a dataset is a file that ends with .csv");
  }
  return fs::path(file).replace_extension(extension).string();
}

Json ColumnsJson() {
  Json columns = Json::array();
  for (const TextColumn& column : kTextColumns) {
    columns.push_back(
        {{"name", column.name}, {"type", "string"}, {"description", column.description}});
  }
  for (const NumberColumn& column : kNumberColumns) {
    columns.push_back({{"name", column.name},
                       {"type", "number"},
                       {"unit", column.unit},
                       {"description", column.description}});
  }
  return columns;
}

std::string SchemaText(const std::map<std::string, DatasetMachine>& machines) {
  Json list = Json::object();
  for (const auto& [key, machine] : machines) {
    list[key] = {{"cpu", machine.cpu},
                 {"instruction_set", machine.instruction_set},
                 {"cpus", machine.cpus},
                 {"kinglet", machine.kinglet},
                 {"figures", FiguresToJson(machine.figures)}};
  }
  const Json root = {{"kinglet", "dataset"},
                     {"format", kDatasetFormat},
                     {"columns", ColumnsJson()},
                     {"machines", std::move(list)}};
  return root.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string SheetText(const std::string& file,
                      const std::map<std::string, DatasetMachine>& machines) {
  std::string text = fmt::format(
      "# {}\n\nTimes of convolutional networks and of their layers in Kinglet, measured by "
      "`kinglet "
      "measure`, to learn from.\n\n"
      "A row is a whole network (`network`), one layer of it in its place (`layer`), or a kernel "
      "that "
      "could be in a layer's place, those that are included (`alternative`), at one batch on "
      "some threads; `done` ends a network, and `failed` is one that could not be measured, with "
      "the "
      "reason as its mark. Each network ran in a process of its own, its points in turns; "
      "`measured_us` "
      "is the median over the turns of the median of the runs in one. Layers are timed in runs of "
      "the "
      "whole network, so their inputs are as warm as they are there. `mark` says what is not to be "
      "trusted: `busy` where the reference loop was slow around it, `unsteady` where turns "
      "differ.\n\nInputs are random numbers and weights of built networks are, too; neither "
      "changes "
      "times. Points that the cost model expects to take longer than a limit are left out.\n\n"
      "## Machines\n\n",
      fs::path(file).filename().string());
  for (const auto& [key, machine] : machines) {
    text += fmt::format("- `{}`: {}, {}, {} CPUs, Kinglet {}\n", key, machine.cpu,
                        machine.instruction_set, machine.cpus, machine.kinglet);
  }
  text += "\n## Columns\n\n| column | unit | what |\n|---|---|---|\n";
  for (const TextColumn& column : kTextColumns) {
    text += fmt::format("| `{}` | text | {} |\n", column.name, column.description);
  }
  for (const NumberColumn& column : kNumberColumns) {
    text += fmt::format("| `{}` | {} | {} |\n", column.name, column.unit, column.description);
  }
  return text;
}

void WriteBeside(const std::string& file, const std::map<std::string, DatasetMachine>& machines) {
  WriteFile(Beside(file, ".schema.json"), SchemaText(machines));
  WriteFile(Beside(file, ".md"), SheetText(file, machines));
}

[[noreturn]] void RefuseSchema(const std::string& source, const std::string& what) {
  throw Error(ErrorCode::kInvalidInput, source + ": " + what);
}

std::string SchemaString(const Json& object, const char* key, const std::string& source) {
  if (!object.contains(key) || !object[key].is_string()) {
    RefuseSchema(source, std::string("a machine has no text '") + key + "'");
  }
  return object[key].get<std::string>();
}

std::map<std::string, DatasetMachine> ReadSchema(const std::string& file) {
  const std::string source = Beside(file, ".schema.json");
  const Json root = Json::parse(ReadTextFile(source, kMaxSchemaBytes, "a schema"), nullptr, false);
  if (!root.is_object() || !root.contains("kinglet") || root["kinglet"] != "dataset") {
    RefuseSchema(source, "is no schema of a dataset of Kinglet");
  }
  if (!root.contains("format") || root["format"] != kDatasetFormat || !root.contains("columns") ||
      root["columns"] != ColumnsJson()) {
    RefuseSchema(source, "has other columns than this version; measure again with it");
  }
  if (!root.contains("machines") || !root["machines"].is_object()) {
    RefuseSchema(source, "has no object 'machines'");
  }
  std::map<std::string, DatasetMachine> machines;
  for (const auto& [key, json] : root["machines"].items()) {
    if (!json.is_object() || !json.contains("figures")) {
      RefuseSchema(source, "a machine has no object 'figures'");
    }
    DatasetMachine& machine = machines[key];
    machine.cpu = SchemaString(json, "cpu", source);
    machine.instruction_set = SchemaString(json, "instruction_set", source);
    machine.kinglet = SchemaString(json, "kinglet", source);
    const Json cpus = json.value("cpus", Json(0));
    if (!cpus.is_number_integer() || cpus < 1 || cpus > 100'000) {
      RefuseSchema(source, "a machine has no number 'cpus'");
    }
    machine.cpus = cpus.get<int>();
    machine.figures = FiguresFromJson(json["figures"], source);
  }
  return machines;
}

// The rows of the text behind its heading.
std::vector<DataRow> RowsOf(std::string_view text, const std::string& file) {
  const std::string heading = HeadingText();
  if (text.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                file + ": is empty, expected a dataset that kinglet measure has written");
  }
  if (!text.starts_with(heading)) {
    throw Error(ErrorCode::kInvalidInput,
                file + ": line 1: the columns are not those of a dataset of this version");
  }
  text.remove_prefix(heading.size());
  return ParseRows(text, file, 2);
}

// Text of whole networks: up to the end of the last row that ends one.
std::size_t FinishedBytes(const std::string& text) {
  std::size_t finished = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == text.npos) break;
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    if (finished == 0 || line.starts_with("done,") || line.starts_with("failed,")) finished = at;
  }
  return finished;
}

}  // namespace

Dataset ReadDataset(const std::string& file) {
  Dataset dataset;
  const std::string text = ReadTextFile(file, kMaxCsvBytes, "a dataset");
  dataset.rows = RowsOf(text, file);  // what is no dataset has no schema either
  dataset.machines = ReadSchema(file);
  for (std::size_t i = 0; i < dataset.rows.size(); ++i) {
    const std::string& key = dataset.rows[i][RowText::kMachine];
    if (dataset.machines.contains(key)) continue;
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{}: line {}: machine '{}' is none of those of the schema", file, i + 2,
                            key.substr(0, 60)));
  }
  return dataset;
}

void WriteDataset(const Dataset& dataset, const std::string& file) {
  WriteBeside(file, dataset.machines);
  WriteFile(file, HeadingText() + RowsText(dataset.rows));
}

DatasetWriter::DatasetWriter(std::string file, const DatasetMachine& machine)
    : file_(std::move(file)), machine_(machine.Key()) {
  const std::string schema = Beside(file_, ".schema.json");
  std::error_code error;
  if (!fs::exists(file_, error)) {
    WriteDataset({{{machine_, machine}}, {}}, file_);
    return;
  }
  const std::string text = ReadTextFile(file_, kMaxCsvBytes, "a dataset");
  const std::size_t finished = FinishedBytes(text);
  const std::vector<DataRow> rows = RowsOf(std::string_view(text).substr(0, finished), file_);
  const auto machines = ReadSchema(file_);
  if (!machines.contains(machine_)) {
    throw Error(ErrorCode::kInvalidInput,
                file_ +
                    ": was measured on another machine, by another version or with other "
                    "figures; name another file, and put them together by kinglet dataset "
                    "merge");
  }
  for (const DataRow& row : rows) {
    if (row[RowText::kKind] == "done" || row[RowText::kKind] == "failed") {
      finished_.insert(row[RowText::kNetwork]);
    }
  }
  if (finished < text.size()) fs::resize_file(file_, finished);
}

void DatasetWriter::Add(std::vector<DataRow> rows) {
  for (DataRow& row : rows) row[RowText::kMachine] = machine_;
  const std::string text = RowsText(rows);
  const int descriptor = open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const auto fail = [&] {
    const std::string reason = std::strerror(errno);
    if (descriptor >= 0) close(descriptor);
    throw Error(ErrorCode::kIo, file_ + ": cannot be written: " + reason);
  };
  if (descriptor < 0) fail();
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = write(descriptor, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail();
    done += static_cast<std::size_t>(count);
  }
  if (fdatasync(descriptor) != 0 && errno != EINVAL) fail();
  close(descriptor);
  finished_.insert(rows.back()[RowText::kNetwork]);
}

}  // namespace kinglet::characterize
