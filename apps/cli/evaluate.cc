// kinglet evaluate: how good is a network on pictures whose answers are known?
#include "kinglet/evaluate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

#include "apps/cli/commands.h"
#include "apps/cli/detector.h"
#include "apps/cli/evaluation_report.h"
#include "apps/cli/network.h"
#include "apps/cli/picture_runner.h"
#include "apps/cli/progress.h"
#include "kinglet/classify.h"
#include "kinglet/detect.h"
#include "kinglet/file.h"

namespace kinglet::cli {
namespace {

constexpr const char* kAnnotations = "annotations.json";
constexpr int kMostDetections = 100;  // of a picture, as COCO has it

// Calls `measure(i)` for each of the pictures; returns how many could not be read.
template <typename Measure>
std::size_t ForEachPicture(const std::vector<std::string>& paths, bool quiet, Measure measure) {
  Progress progress(paths.size(), !quiet);
  std::size_t failed = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    progress.Show(i, paths[i]);
    try {
      measure(i);
      continue;
    } catch (const Error& error) {
      PrintPictureError(paths[i], error);
    } catch (const std::bad_alloc& error) {
      PrintPictureError(paths[i], error);
    }
    ++failed;
  }
  return failed;
}

Status EvaluateClassifier(const EvaluateOptions& options) {
  const Classifier classifier = OpenClassifier(options.network, options.common);
  const std::vector<ClassifiedImage> images =
      ListClassFolders(options.dataset, classifier.classes, classifier.labels);
  std::vector<std::string> paths;
  for (const ClassifiedImage& image : images) paths.push_back(image.path);
  PictureRunner runner(classifier.model, classifier.descriptor, options.max_pixels);
  ClassificationReport report(classifier);
  const std::size_t failed = ForEachPicture(paths, options.common.quiet, [&](std::size_t i) {
    const Tensors& outputs = runner.Run(paths[i]);
    const auto scores =
        ClassScores(outputs.at(classifier.descriptor.output), classifier.descriptor.activation);
    report.Add(images[i].label, scores.front());
  });
  report.Show(options, failed);
  return failed == 0 ? Status::kDone : Status::kInputFailed;
}

// What the network finds in the pictures of the dataset.
std::vector<FoundBox> RunDetector(const EvaluateOptions& options, const DetectionDataset& dataset,
                                  DetectionRun& run) {
  DetectorOverrides overrides;
  overrides.threshold = options.threshold;
  overrides.iou = options.iou;
  overrides.max_detections = kMostDetections;
  overrides.nms = options.nms;
  DetectorNetwork network = OpenDetector(options.network, overrides, options.common);
  run.match = MatchCategories(dataset, network.labels);
  PrintCategoryWarnings(options.common, dataset, *run.match);
  const auto& categories = run.match->of_label;
  DetectorRunner runner(network, options.max_pixels);
  std::vector<std::string> paths;
  for (const DatasetImage& image : dataset.images) {
    paths.push_back(options.dataset + '/' + image.file);
  }
  std::vector<FoundBox> found;
  run.model = network.name;
  run.failed = ForEachPicture(paths, options.common.quiet, [&](std::size_t i) {
    for (const Detection& d : runner.Run(paths[i])) {
      if (d.index >= categories.size() || !categories[d.index]) continue;
      const auto number = [](float value) { return static_cast<double>(value); };
      found.push_back(
          {dataset.images[i].id,
           *categories[d.index],
           {number(d.x1), number(d.y1), number(d.x2) - number(d.x1), number(d.y2) - number(d.y1)},
           number(d.score)});
    }
  });
  return found;
}

// Those that a file stores, without those of categories that the dataset does not have.
std::vector<FoundBox> StoredDetections(const EvaluateOptions& options,
                                       const DetectionDataset& dataset) {
  std::vector<FoundBox> found = ReadCocoDetections(options.detections, dataset);
  const std::size_t strange = std::erase_if(
      found, [&](const FoundBox& box) { return !dataset.categories.contains(box.category); });
  if (strange > 0) {
    PrintNote(options.common, fmt::format("warning: {} of {} detections in {} are of categories "
                                          "that the dataset does not have, and are left out",
                                          strange, found.size() + strange, options.detections));
  }
  return found;
}

Status EvaluateDetector(const EvaluateOptions& options) {
  const std::string annotations =
      options.annotations.empty() ? options.dataset + '/' + kAnnotations : options.annotations;
  const DetectionDataset dataset = ReadCocoAnnotations(annotations);
  DetectionRun run{options.detections, 0, 0, {}};
  const std::vector<FoundBox> found = options.detections.empty()
                                          ? RunDetector(options, dataset, run)
                                          : StoredDetections(options, dataset);
  run.detections = found.size();
  ShowDetectionReport(options, dataset, MeasureDetections(dataset, found), run);
  if (!options.output.empty()) WriteFile(options.output, CocoDetectionsJson(found));
  return run.failed == 0 ? Status::kDone : Status::kInputFailed;
}

// Options that would be ignored are mistakes.
void CheckOptions(const EvaluateOptions& options) {
  const bool stored = !options.detections.empty();
  const bool boxes = !options.annotations.empty() || stored || !options.output.empty() ||
                     options.iou || !options.nms.empty();
  if (options.task == "classify" && boxes) {
    throw UsageError(
        "--annotations, --detections, --output, --iou and --nms belong to --task detect");
  }
  const NetworkOptions& network = options.network;
  for (const std::string& input :
       {options.annotations, options.detections, network.model, network.descriptor}) {
    std::error_code unknown;
    if (!options.output.empty() && std::filesystem::equivalent(input, options.output, unknown)) {
      throw UsageError("--output " + options.output + " would overwrite what is read");
    }
  }
  if (stored && (!options.network.model.empty() || !options.network.descriptor.empty() ||
                 !options.network.labels.empty())) {
    throw UsageError("--detections evaluates what a file says: no network is run");
  }
  if (options.dataset.empty() && (!stored || options.annotations.empty())) {
    throw UsageError("--dataset FOLDER is missing");
  }
}

// What would only be found when all pictures are done, or with each of them.
void CheckFolders(const EvaluateOptions& options) {
  std::error_code unknown;
  const bool boxes = options.task == "detect" && options.detections.empty();
  if (boxes && !std::filesystem::is_directory(options.dataset, unknown)) {
    throw Error(ErrorCode::kIo, "--dataset " + options.dataset + ": is no folder");
  }
  if (options.output.empty()) return;
  const std::string parent = std::filesystem::path(options.output).parent_path().string();
  if (access(parent.empty() ? "." : parent.c_str(), W_OK | X_OK) != 0) {
    throw Error(ErrorCode::kIo, options.output + ": cannot be written: " + std::strerror(errno));
  }
}

}  // namespace

Status EvaluateCommand(const EvaluateOptions& options) {
  CheckOptions(options);
  CheckFolders(options);
  return options.task == "classify" ? EvaluateClassifier(options) : EvaluateDetector(options);
}

}  // namespace kinglet::cli
