// What kinglet evaluate prints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/commands.h"
#include "kinglet/evaluate.h"
#include "kinglet/pipeline.h"

namespace kinglet::cli {

// Counts how often the right class is the best one, or among the five best.
class ClassificationReport {
 public:
  explicit ClassificationReport(const Classifier& classifier);

  void Add(std::size_t label, const std::vector<float>& scores);
  // `failed` pictures could not be read.
  void Show(const EvaluateOptions& options, std::size_t failed) const;

 private:
  struct Count {
    std::size_t pictures = 0;
    std::size_t top1 = 0;
    std::size_t top5 = 0;
  };
  void ShowJson(const EvaluateOptions& options, std::size_t failed) const;
  void ShowTable(const EvaluateOptions& options, std::size_t failed) const;

  const Classifier& classifier_;
  Count total_;
  std::vector<Count> classes_;
};

struct DetectionRun {
  std::string model;  // or the file of detections
  std::size_t detections = 0;
  std::size_t failed = 0;              // pictures that could not be read
  std::optional<CategoryMatch> match;  // where a network was run
};
// Names what cannot be found, and names that are not unique, on stderr.
void PrintCategoryWarnings(const CommonOptions& options, const DetectionDataset& dataset,
                           const CategoryMatch& match);
void ShowDetectionReport(const EvaluateOptions& options, const DetectionDataset& dataset,
                         const DetectionAccuracy& accuracy, const DetectionRun& run);

}  // namespace kinglet::cli
