// How good a network is on pictures whose answers are known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kinglet {

// Average precision of boxes as COCO defines it (Lin et al. 2014, arXiv:1405.0312), computed as
// pycocotools does it: ten IoU thresholds from 0.5 to 0.95, precision at 101 recalls, at most 100
// detections of a picture and class, crowds and boxes of other sizes neither right nor wrong.
//
// Ids are those of the dataset. Boxes are x, y (the upper left corner), width and height in pixels.

struct TrueBox {
  std::int64_t image = 0;
  std::int64_t category = 0;
  std::array<double, 4> box = {};
  double area = 0;     // of the thing itself: decides between small, medium and large
  bool crowd = false;  // many things; any number of detections may lie in it
};

struct FoundBox {
  std::int64_t image = 0;
  std::int64_t category = 0;
  std::array<double, 4> box = {};
  double score = 0;
};

struct DatasetImage {
  std::int64_t id = 0;
  std::string file;  // relative to the dataset's folder
};

struct DetectionDataset {
  std::vector<DatasetImage> images;
  std::map<std::int64_t, std::string> categories;  // id to name
  std::vector<TrueBox> boxes;
};

// Largest file of annotations or detections, bytes.
inline constexpr std::size_t kMaxAnnotationBytes = std::size_t{1} << 30;

// Reads COCO annotations: "images" (id, file_name), "categories" (id, name) and "annotations"
// (image_id, category_id, bbox; area is that of the box where it is missing, iscrowd 0). Other keys
// are skipped. Throws Error(kIo) when the file cannot be read, Error(kResource) when it is larger
// than kMaxAnnotationBytes, Error(kInvalidInput) naming file, entry, what was expected and what was
// found: also for ids that nothing has, and names of files that leave the folder.
DetectionDataset ReadCocoAnnotations(const std::string& path);

// Reads COCO results: an array of image_id, category_id, bbox, score. The images are those of the
// dataset; detections of categories that it does not have change no measure. Errors as above.
std::vector<FoundBox> ReadCocoDetections(const std::string& path, const DetectionDataset& dataset);

// The text of such a file.
std::string CocoDetectionsJson(const std::vector<FoundBox>& detections);

// Which category each label names, letter by letter.
struct CategoryMatch {
  std::vector<std::optional<std::int64_t>> of_label;  // none: the dataset has no such category
  // Ids of categories that no label names: their things cannot be found.
  std::vector<std::int64_t> unmatched;
  // Names of several categories (the label stands for the one with the lowest id) or of several
  // labels (all stand for the same category). Sorted.
  std::vector<std::string> repeated_categories;
  std::vector<std::string> repeated_labels;
};
// Throws Error(kInvalidInput) when no label names a category.
CategoryMatch MatchCategories(const DetectionDataset& dataset,
                              const std::vector<std::string>& labels);

// Means over categories and thresholds; -1 where no category has a thing of that kind.
struct DetectionAccuracy {
  double ap = -1;    // IoU 0.5 to 0.95
  double ap50 = -1;  // IoU 0.5
  double ap75 = -1;
  double ap_small = -1;   // things of less than 32 x 32 pixels
  double ap_medium = -1;  // to 96 x 96
  double ap_large = -1;
  double ar1 = -1;  // average recall with at most 1 detection of a picture and class
  double ar10 = -1;
  double ar100 = -1;
  double ar_small = -1;
  double ar_medium = -1;
  double ar_large = -1;
  // IoU 0.5 to 0.95, of the categories that the dataset has things of.
  std::map<std::int64_t, double> category_ap;
};

// All images of the dataset count, with and without detections. Detections of equal score keep
// their order.
DetectionAccuracy MeasureDetections(const DetectionDataset& dataset,
                                    const std::vector<FoundBox>& detections);

// Pictures sorted into folders, one for each class.
struct ClassifiedImage {
  std::string path;
  std::size_t label = 0;  // index of the class
};

// The pictures of FOLDER/<class>/. Every folder is called as one of `labels` (case does not count,
// _ is a space), or there are as many folders as classes (without a label `background` in front):
// then the sorted folders are the classes in turn. Sorted by folder and name. Throws Error(kIo)
// when a folder cannot be read, Error(kInvalidInput) for a folder that is no class, and when there
// is no picture.
std::vector<ClassifiedImage> ListClassFolders(const std::string& folder, std::size_t classes,
                                              const std::vector<std::string>& labels);

}  // namespace kinglet
