// kinglet dataset: what a dataset holds, and datasets put together and divided.
#include "characterize/dataset/dataset.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli/foresight.h"
#include "apps/cli/output.h"

namespace kinglet::cli {
namespace {

using characterize::Dataset;

void RequireFiles(const DatasetOptions& options, std::size_t inputs, std::size_t outputs) {
  const bool enough =
      options.action == "merge" ? options.files.size() >= inputs : options.files.size() == inputs;
  if (!enough) {
    throw UsageError(fmt::format("dataset {}: expected {} file{}, found {}", options.action,
                                 options.action == "merge" ? "2 or more" : "1",
                                 options.action == "merge" ? "s" : "", options.files.size()));
  }
  if (options.outputs.size() != outputs) {
    throw UsageError(fmt::format("dataset {}: expected --output {} time{}, found {}",
                                 options.action, outputs, outputs == 1 ? "" : "s",
                                 options.outputs.size()));
  }
  for (const std::string& output : options.outputs) CheckOutputFile(output);
}

void PrintSummary(const DatasetOptions& options, const Dataset& dataset) {
  const characterize::DatasetSummary summary = Summarise(dataset);
  if (options.common.json) {
    Print(JsonLine({{"dataset", options.files.front()},
                    {"machines", dataset.machines.size()},
                    {"networks", summary.networks},
                    {"failed", summary.failed},
                    {"points", summary.points},
                    {"layers", summary.layers},
                    {"marked", summary.marked},
                    {"families", summary.families},
                    {"kernels", summary.kernels}}));
    return;
  }
  std::string text = fmt::format(
      "networks        {}, and {} that failed\npoints          {}\nlayers          {}\n"
      "marked          {} rows that are not to be trusted\n",
      summary.networks, summary.failed, summary.points, summary.layers, summary.marked);
  for (const auto& [key, machine] : dataset.machines) {
    text +=
        fmt::format("machine         {}: {}, {}, {} CPUs, Kinglet {}\n", key, OneLine(machine.cpu),
                    OneLine(machine.instruction_set), machine.cpus, OneLine(machine.kinglet));
  }
  Table families({{.heading = "family", .fit = Fit::kShorten}, {"networks", true}});
  for (const auto& [family, count] : summary.families) {
    families.Add({OneLine(family), std::to_string(count)});
  }
  Table kernels({{.heading = "kernel", .fit = Fit::kShorten}, {"layers", true}});
  for (const auto& [kernel, count] : summary.kernels) {
    kernels.Add({OneLine(kernel), std::to_string(count)});
  }
  Print(text + '\n' + families.Text() + '\n' + kernels.Text());
}

}  // namespace

Status DatasetCommand(const DatasetOptions& options) {
  if (options.action == "info") {
    RequireFiles(options, 1, 0);
    PrintSummary(options, characterize::ReadDataset(options.files.front()));
    return Status::kDone;
  }
  if (options.action == "merge") {
    RequireFiles(options, 2, 1);
    std::vector<Dataset> datasets;
    for (const std::string& file : options.files) {
      datasets.push_back(characterize::ReadDataset(file));
    }
    WriteDataset(characterize::Merge(datasets), options.outputs.front());
    return Status::kDone;
  }
  RequireFiles(options, 1, 2);
  const auto [first, second] =
      Split(characterize::ReadDataset(options.files.front()), options.share, options.seed);
  WriteDataset(first, options.outputs[0]);
  WriteDataset(second, options.outputs[1]);
  return Status::kDone;
}

}  // namespace kinglet::cli
