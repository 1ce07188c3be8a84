// kinglet evaluate: how good is a network on pictures whose answers are known?
#include "kinglet/evaluate.h"

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
  const DetectorNetwork network = OpenDetector(options.network, overrides, options.common);
  const auto categories = MatchCategories(dataset, network.labels);
  DetectorOptions detector_options;
  detector_options.anchors_file = network.anchors;
  Detector detector(network.descriptor, detector_options);
  PictureRunner runner(network.model, network.descriptor, options.max_pixels);
  std::vector<std::string> paths;
  for (const DatasetImage& image : dataset.images) {
    paths.push_back(options.dataset + '/' + image.file);
  }
  std::vector<FoundBox> found;
  run.model = network.name;
  run.failed = ForEachPicture(paths, options.common.quiet, [&](std::size_t i) {
    const Tensors& outputs = runner.Run(paths[i]);
    const PictureSize size{runner.image().width, runner.image().height};
    const std::vector<std::vector<Detection>> answers = detector.Detect(outputs, {&size, 1});
    for (const Detection& d : answers.front()) {
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

Status EvaluateDetector(const EvaluateOptions& options) {
  const std::string annotations =
      options.annotations.empty() ? options.dataset + '/' + kAnnotations : options.annotations;
  const DetectionDataset dataset = ReadCocoAnnotations(annotations);
  DetectionRun run{options.detections, 0, 0};
  const std::vector<FoundBox> found = options.detections.empty()
                                          ? RunDetector(options, dataset, run)
                                          : ReadCocoDetections(options.detections, dataset);
  if (!options.output.empty()) WriteFile(options.output, CocoDetectionsJson(found));
  run.detections = found.size();
  ShowDetectionReport(options, dataset, MeasureDetections(dataset, found), run);
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

}  // namespace

Status EvaluateCommand(const EvaluateOptions& options) {
  CheckOptions(options);
  return options.task == "classify" ? EvaluateClassifier(options) : EvaluateDetector(options);
}

}  // namespace kinglet::cli
