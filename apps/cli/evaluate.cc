// kinglet evaluate: how good is a network on pictures whose answers are known?
#include "kinglet/evaluate.h"

#include <fmt/format.h>

#include <filesystem>

#include "apps/cli/commands.h"
#include "apps/cli/evaluation_report.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/pictures.h"
#include "kinglet/file.h"
#include "kinglet/pipeline.h"

namespace kinglet::cli {
namespace {

constexpr const char* kAnnotations = "annotations.json";
constexpr int kMostDetections = 100;  // of a picture, as COCO has it

Status EvaluateClassifier(const EvaluateOptions& options) {
  Classifier classifier = OpenClassifier(options.network, options.common);
  const std::vector<ClassifiedImage> images =
      ListClassFolders(options.dataset, classifier.classes(), classifier.labels());
  std::vector<std::string> paths;
  for (const ClassifiedImage& image : images) paths.push_back(image.path);
  ClassificationReport report(classifier);
  const std::size_t done =
      ForEachPicture(paths, options.max_pixels, !options.common.quiet, [&](const Picture& picture) {
        report.Add(images[picture.index].label, classifier.Scores(picture.image));
      });
  const std::size_t failed = paths.size() - done;
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
  Detector detector = OpenDetector(options.network, overrides, options.common);
  run.match = MatchCategories(dataset, detector.labels());
  PrintCategoryWarnings(options.common, dataset, *run.match);
  const auto& categories = run.match->of_label;
  std::vector<std::string> paths;
  for (const DatasetImage& image : dataset.images) {
    paths.push_back(options.dataset + '/' + image.file);
  }
  std::vector<FoundBox> found;
  run.model = detector.name();
  bool answered = false;
  const auto detect = [&](const Picture& picture) {
    for (const Detection& d : DetectIn(detector, picture.image, answered)) {
      if (d.index >= categories.size() || !categories[d.index]) continue;
      const auto number = [](float value) { return static_cast<double>(value); };
      found.push_back(
          {dataset.images[picture.index].id,
           *categories[d.index],
           {number(d.x1), number(d.y1), number(d.x2) - number(d.x1), number(d.y2) - number(d.y1)},
           number(d.score)});
    }
  };
  run.failed =
      paths.size() - ForEachPicture(paths, options.max_pixels, !options.common.quiet, detect);
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
  if (options.task == "detect" && !network.preprocess.empty()) {
    throw UsageError("--preprocess belongs to --task classify");
  }
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
  if (!options.output.empty()) CheckOutputFile(options.output);
}

}  // namespace

Status EvaluateCommand(const EvaluateOptions& options) {
  CheckOptions(options);
  CheckFolders(options);
  return options.task == "classify" ? EvaluateClassifier(options) : EvaluateDetector(options);
}

}  // namespace kinglet::cli
