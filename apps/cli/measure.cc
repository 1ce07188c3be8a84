// kinglet measure: many networks and their layers, each network in a process of its own, as rows to
// learn from.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/cli/costs.h"
#include "apps/cli/foresight.h"
#include "apps/cli/input_file.h"
#include "apps/cli/model_options.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "characterize/dataset/measure_network.h"
#include "measure/common/process.h"

namespace kinglet::cli {
namespace {

namespace fs = std::filesystem;
using characterize::DataRow;
using characterize::RowText;

constexpr const char* kRowsBegin = "rows:\n";

// Folders stand for the descriptors and models in them, sorted.
std::vector<std::string> Networks(const MeasureCommandOptions& options) {
  std::vector<std::string> networks;
  for (const std::string& name : options.networks) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {
      networks.push_back(name);
      continue;
    }
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(name)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".onnx" || extension == ".json") files.push_back(entry.path().string());
    }
    // A descriptor beside a model is the model's.
    std::erase_if(files, [](const std::string& file) {
      const fs::path path(file);
      return path.extension() == ".json" && fs::exists(fs::path(path).replace_extension(".onnx"));
    });
    if (files.empty()) throw UsageError(name + ": there is no .onnx or .json file in this folder");
    std::sort(files.begin(), files.end());
    networks.insert(networks.end(), files.begin(), files.end());
  }
  return networks;
}

// "2/8": every eighth, beginning with the second.
std::vector<std::string> ShardOf(const std::vector<std::string>& networks,
                                 const std::string& text) {
  if (text.empty()) return networks;
  std::size_t index = 0;
  std::size_t count = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, index);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, count) : first;
  if (!slash || second.ec != std::errc() || second.ptr != end || index < 1 || index > count) {
    throw UsageError(fmt::format("--shard: expected I/N, as 1/4 to 4/4, found '{}'", text));
  }
  std::vector<std::string> shard;
  for (std::size_t i = index - 1; i < networks.size(); i += count) shard.push_back(networks[i]);
  return shard;
}

characterize::MeasureOptions MeasureOptionsOf(const MeasureCommandOptions& options) {
  characterize::MeasureOptions measure;
  measure.batches = ParseNumberList("--batch", options.batch, kMaxMeasuredBatch);
  measure.threads = ThreadCounts(options.threads);
  measure.seconds = options.seconds;
  measure.most_ms = options.most_ms;
  measure.candidates = options.candidates;
  measure.read = ReadOptionsOf(options.common);
  measure.compile = CompileOptionsOf(options.common);
  measure.family = options.family;
  return measure;
}

Status MeasureOne(const MeasureCommandOptions& options) {
  measure::EndWithParent();
  alarm(static_cast<unsigned>(options.time_limit));
  const std::vector<DataRow> rows =
      characterize::MeasureNetwork(options.networks.front(), MeasureOptionsOf(options));
  Print(kRowsBegin + characterize::RowsText(rows));
  return Status::kDone;
}

// How this command calls itself for one network.
std::vector<std::string> Arguments(const MeasureCommandOptions& options,
                                   const std::string& network) {
  std::vector<std::string> arguments = {"measure",
                                        "--network",
                                        "--quiet",
                                        "--batch",
                                        options.batch,
                                        "--seconds",
                                        fmt::format("{}", options.seconds),
                                        "--most-ms",
                                        fmt::format("{}", options.most_ms),
                                        "--time-limit",
                                        std::to_string(options.time_limit),
                                        "--candidates",
                                        std::to_string(options.candidates)};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {option, value});
  };
  add("--threads", options.threads);
  add("--family", options.family);
  for (const auto& more : {ArgumentsOf(options.common.costs), ArgumentsOf(options.common.model)}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  arguments.insert(arguments.end(), {"-o", "-", "--", network});
  return arguments;
}

std::string Reason(const measure::ProcessResult& process, int time_limit) {
  constexpr int kAlarm = 14;
  if (process.signal == kAlarm) return fmt::format("took longer than {} s", time_limit);
  if (process.signal != 0) return DescribeEnd(process);
  const std::string line = LastLine(process);
  return line.empty() ? DescribeEnd(process) : OneLine(line);
}

// Rows of the network, or the one that says why there are none.
std::vector<DataRow> RowsOf(const MeasureCommandOptions& options, const std::string& network) {
  const measure::ProcessResult process =
      measure::RunOwnProcess("kinglet", Arguments(options, network));
  const std::size_t begin = process.output.find(kRowsBegin);
  if (process.status == 0 && process.signal == 0 && begin != process.output.npos) {
    const std::string_view text = std::string_view(process.output).substr(begin);
    return characterize::ParseRows(text.substr(std::string_view(kRowsBegin).size()),
                                   network + ": what its process printed");
  }
  return {characterize::FailedRow(network, options.family, Reason(process, options.time_limit))};
}

}  // namespace

Status MeasureCommand(const MeasureCommandOptions& options) {
  if (options.network) return MeasureOne(options);
  const characterize::MeasureOptions measure = MeasureOptionsOf(options);
  const std::vector<std::string> networks = ShardOf(Networks(options), options.shard);
  CheckOutputFile(options.output);
  characterize::DatasetWriter writer(options.output,
                                     characterize::ThisDatasetMachine(measure.compile));
  const std::set<std::string> before = writer.finished();
  Progress progress(networks.size(), !options.common.quiet);
  std::size_t measured = 0;
  std::size_t failed = 0;
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const std::string name = characterize::NetworkNameOf(networks[i]);
    if (writer.finished().contains(name)) continue;
    progress.Show(i, name);
    std::vector<DataRow> rows = RowsOf(options, networks[i]);
    const DataRow last = rows.back();
    writer.Add(std::move(rows));
    if (last[RowText::kKind] == "failed") {
      ++failed;
      PrintNote(options.common, fmt::format("{}: not measured: {}", name, last[RowText::kMark]));
    } else {
      ++measured;
    }
  }
  Progress::Hide();
  if (options.common.json) {
    Print(JsonLine({{"dataset", options.output},
                    {"measured", measured},
                    {"failed", failed},
                    {"there_before", before.size()}}));
  } else if (!options.common.quiet) {
    Print(fmt::format("{}: {} networks measured, {} failed, {} were there\n", options.output,
                      measured, failed, before.size()));
  }
  return failed > 0 && measured == 0 && before.empty() ? Status::kInputFailed : Status::kDone;
}

}  // namespace kinglet::cli
