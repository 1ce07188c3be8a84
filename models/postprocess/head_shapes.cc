#include "models/postprocess/head_shapes.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr std::int64_t kBoxSize = 4;

// An output before it is known how many boxes a position has.
struct Form {
  std::int64_t pictures = 1;
  std::int64_t positions = 0;
  std::int64_t numbers = 0;  // of a position
  std::int64_t boxes = 0;    // of a position, where the shape says so
  bool batch = true;
};

std::optional<Form> FormOf(const Shape& s, OutputLayout layout) {
  const bool rows = layout == OutputLayout::kRows;
  switch (s.size()) {
    case 2:
      return rows ? Form{1, s[0], s[1], 0, false} : Form{1, s[1], s[0], 0, false};
    case 3:
      return rows ? Form{s[0], s[1], s[2], 0} : Form{s[0], s[2], s[1], 0};
    case 4:
      return rows ? Form{s[0], s[1] * s[2], s[3], 0} : Form{s[0], s[2] * s[3], s[1], 0};
    case 5:
      return rows ? Form{s[0], s[2] * s[3], s[1] * s[4], s[1]}
                  : Form{s[0], s[3] * s[4], s[1] * s[2], s[1]};
    default:
      return std::nullopt;
  }
}

// The place of `columns` in an output with that many boxes at each position.
PartPlace PlaceOf(const std::string& name, const Shape& shape, const Form& form,
                  OutputLayout layout, std::int64_t boxes, const Columns& columns) {
  if (boxes < 1 || form.numbers % boxes != 0) {
    BadOutput(name, "numbers of " + std::to_string(boxes) + " boxes at each position",
              ShapeToString(shape));
  }
  const std::int64_t width = form.numbers / boxes;
  const std::int64_t end = columns.end == Columns::kOpen ? width : columns.end;
  if (end > width || columns.first > end) {
    BadOutput(name, "more than " + std::to_string(columns.first) + " numbers for each anchor",
              ShapeToString(shape));
  }
  PartPlace place;
  place.output = name;
  place.pictures = form.pictures;
  place.anchors = form.positions * boxes;
  place.columns = columns.empty() ? width : end - columns.first;
  place.boxes = boxes;
  place.batch = form.batch;
  place.picture_stride = form.positions * form.numbers;
  if (layout == OutputLayout::kPlanes) {
    place.position_stride = 1;
    place.box_stride = width * form.positions;
    place.column_stride = form.positions;
  } else if (shape.size() == 5) {
    place.position_stride = width;
    place.box_stride = width * form.positions;
    place.column_stride = 1;
  } else {
    place.position_stride = form.numbers;
    place.box_stride = width;
    place.column_stride = 1;
  }
  place.first = columns.first * place.column_stride;
  return place;
}

class Placer {
 public:
  Placer(const DetectionSpec& spec, const ShapeOfOutput& shape_of)
      : spec_(spec), shape_of_(shape_of) {}

  // `anchors`: of the level as the descriptor has them; 0 where it does not say. Nothing when a
  // shape is not known.
  std::optional<LevelPlaces> Level(const HeadOutputs& head, std::int64_t anchors) const {
    LevelPlaces level;
    const bool known = Boxes(head.boxes, anchors, level.boxes) &&
                       Other(head.scores, spec_.score_columns, level, level.scores) &&
                       Other(head.objectness, spec_.objectness_columns, level, level.objectness) &&
                       Other(head.landmarks, spec_.landmark_columns, level, level.landmarks);
    if (!known) return std::nullopt;
    return level;
  }

 private:
  Form Formed(const std::string& name, const Shape& shape) const {
    const std::optional<Form> form = FormOf(shape, spec_.layout);
    if (!form) BadOutput(name, "numbers of anchors in 2 to 5 axes", ShapeToString(shape));
    return *form;
  }

  bool Boxes(const std::string& name, std::int64_t anchors, PartPlace& place) const {
    const Shape* shape = shape_of_(name);
    if (shape == nullptr) return false;
    const Form form = Formed(name, *shape);
    const std::int64_t width = kBoxSize * spec_.box_bins;
    std::int64_t boxes = 1;
    if (form.boxes > 0) {
      boxes = form.boxes;
    } else if (spec_.box_columns.empty()) {
      if (form.numbers < width || form.numbers % width != 0) {
        BadOutput(name, "boxes of " + std::to_string(width) + " numbers", ShapeToString(*shape));
      }
      boxes = form.numbers / width;
    } else if (anchors > 0 && form.positions > 0 && anchors % form.positions == 0) {
      boxes = anchors / form.positions;
    }
    place = PlaceOf(name, *shape, form, spec_.layout, boxes, spec_.box_columns);
    if (place.columns != width) {
      BadOutput(name, "boxes of " + std::to_string(width) + " numbers", ShapeToString(*shape));
    }
    return true;
  }

  // A part that belongs to the boxes of the level.
  bool Other(const std::string& name, const Columns& columns, const LevelPlaces& level,
             PartPlace& place) const {
    if (name.empty()) return true;
    const Shape* shape = shape_of_(name);
    if (shape == nullptr) return false;
    const Form form = Formed(name, *shape);
    const PartPlace& boxes = level.boxes;
    const bool fits =
        form.pictures == boxes.pictures &&
        (form.positions == 0 ? boxes.anchors == 0 : boxes.anchors % form.positions == 0);
    const std::int64_t of_position =
        !fits || form.positions == 0 ? 1 : boxes.anchors / form.positions;
    if (!fits || (form.boxes > 0 && form.boxes != of_position)) {
      BadOutput(name,
                "numbers for the " + std::to_string(boxes.anchors) + " boxes of output '" +
                    boxes.output + "'",
                ShapeToString(*shape));
    }
    place = PlaceOf(name, *shape, form, spec_.layout, of_position, columns);
    return true;
  }

  const DetectionSpec& spec_;
  const ShapeOfOutput& shape_of_;
};

}  // namespace

void BadOutput(const std::string& name, const std::string& expected, const std::string& found) {
  throw Error(ErrorCode::kInvalidModel,
              "output '" + name + "': expected " + expected + ", found " + found);
}

void MissingOutput(const std::string& name) {
  throw Error(ErrorCode::kInvalidModel, "the detector's output '" + name + "' is missing");
}

const Tensor& FindOutput(const Tensors& outputs, const std::string& name) {
  const auto found = outputs.find(name);
  if (found == outputs.end()) MissingOutput(name);
  return found->second;
}

std::int64_t ScoreColumns(const DetectionSpec& spec, const ShapeOfOutput& shape_of) {
  const Columns& own = spec.score_columns;
  if (!own.empty() && own.end != Columns::kOpen) return own.size();
  const HeadOutputs head = spec.Heads().front();
  const Shape* scores = shape_of(head.scores);
  if (scores == nullptr || scores->empty()) return 0;
  if (spec.layout == OutputLayout::kRows && scores->size() != 4) {
    return std::max<std::int64_t>(scores->back() - own.first, 0);
  }
  const Shape* boxes = shape_of(head.boxes);
  const auto known = [](const Shape& shape) {
    return std::all_of(shape.begin(), shape.end(), [](std::int64_t size) { return size >= 0; });
  };
  if (boxes == nullptr || !known(*boxes) || !known(*scores)) return 0;
  try {
    const auto level = Placer(spec, shape_of).Level(head, 0);
    return level ? level->scores.columns : 0;
  } catch (const Error&) {
    return 0;  // what is wrong is said when outputs are checked
  }
}

bool IsPlainHead(const DetectionSpec& spec) {
  return spec.levels.empty() && spec.layout == OutputLayout::kRows && spec.objectness.empty() &&
         spec.landmarks.empty() && spec.box_columns.empty() && spec.score_columns.empty() &&
         spec.box_bins == 1 && !IsYolo(spec.box_coding) &&
         spec.box_coding != BoxCoding::kCenterLinear;
}

std::vector<LevelPlaces> PlaceHeads(const DetectionSpec& spec, const ShapeOfOutput& shape_of,
                                    const std::vector<std::size_t>& anchors) {
  const std::vector<HeadOutputs> heads = spec.Heads();
  const std::size_t all = std::accumulate(anchors.begin(), anchors.end(), std::size_t{0});
  const bool of_levels = anchors.size() == heads.size();
  const Placer placer(spec, shape_of);
  std::vector<LevelPlaces> levels;
  std::int64_t found = 0;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const std::size_t of_level = of_levels ? anchors[i] : heads.size() == 1 ? all : 0;
    const auto level = placer.Level(heads[i], static_cast<std::int64_t>(of_level));
    if (!level) return {};
    if (of_levels && level->anchors() != static_cast<std::int64_t>(of_level)) {
      BadOutput(heads[i].boxes, std::to_string(of_level) + " boxes, as there are anchors",
                std::to_string(level->anchors()));
    }
    if (i > 0 && (level->scores.columns != levels.front().scores.columns ||
                  level->landmarks.columns != levels.front().landmarks.columns)) {
      BadOutput(heads[i].scores, "as many classes and landmarks on each level", "others");
    }
    if (i > 0 && level->boxes.pictures != levels.front().boxes.pictures) {
      BadOutput(heads[i].boxes, std::to_string(levels.front().boxes.pictures) + " pictures",
                std::to_string(level->boxes.pictures));
    }
    found += level->anchors();
    levels.push_back(*level);
  }
  if (HasAnchors(spec.box_coding) && found != static_cast<std::int64_t>(all)) {
    BadOutput(heads.front().boxes, std::to_string(all) + " boxes, as there are anchors",
              std::to_string(found));
  }
  return levels;
}

}  // namespace kinglet
