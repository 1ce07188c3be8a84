#include "models/fit/head_form.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string>
#include <string_view>

#include "models/fit/grids.h"

namespace kinglet {
namespace {

constexpr std::int64_t kBoxSize = 4;

// An output that could belong to a head.
struct Part {
  std::string name;
  std::string lower;         // the name in small letters
  std::int64_t anchors = 0;  // or positions of a map
  std::int64_t numbers = 0;  // of each
  double stride = 0;         // of a map
  std::int64_t boxes = 0;    // at a position, where the shape says so
  bool planes = false;
  bool map = false;
};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool Has(const std::string& name, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return name.find(part) != name.npos; });
}

bool NamesBoxes(const Part& part) { return Has(part.lower, {"box", "reg", "loc", "dis_pred"}); }
bool NamesScores(const Part& part) {
  return Has(part.lower, {"score", "cls", "class", "conf", "prob", "logit"});
}
bool NamesObjectness(const Part& part) {
  return Has(part.lower, {"obj", "ctr", "center", "centre", "iou"});
}
bool NamesLandmarks(const Part& part) {
  return Has(part.lower, {"kps", "kpt", "landm", "lmk", "keypoint", "ldm", "point"});
}

// Whether numbers stand in planes: the longer of the two axes has the anchors.
Part Flat(Part part, std::int64_t a, std::int64_t b) {
  part.planes = b > a;
  part.anchors = std::max(a, b);
  part.numbers = std::min(a, b);
  return part;
}

Part Map(Part part, std::int64_t height, std::int64_t width, std::int64_t numbers, double stride) {
  part.map = true;
  part.anchors = height * width;
  part.numbers = numbers;
  part.stride = stride;
  return part;
}

std::optional<Part> PartOf(const TensorInfo& info, int width, int height) {
  const Shape& s = info.shape;
  const bool floats = info.type == DataType::kFloat32 || info.type == DataType::kFloat16 ||
                      info.type == DataType::kFloat64 || info.type == DataType::kUndefined;
  if (!floats || !info.has_shape ||
      std::any_of(s.begin(), s.end(), [](std::int64_t size) { return size < 1; })) {
    return std::nullopt;
  }
  Part part;
  part.name = info.name;
  part.lower = Lower(info.name);
  if (s.size() == 2) return Flat(part, s[0], s[1]);
  if (s.size() < 3 || s[0] != 1) return std::nullopt;
  if (s.size() == 3) return Flat(part, s[1], s[2]);
  const std::size_t last = s.size() - 1;
  if (s.size() == 5) part.boxes = s[1];
  const double planes = StrideOf(s[last - 1], s[last], width, height);
  const std::int64_t before = s.size() == 5 ? s[1] * s[2] : s[1];
  if (s.size() <= 5 && planes > 0) {
    part.planes = true;
    return Map(part, s[last - 1], s[last], before, planes);
  }
  const double rows = StrideOf(s[last - 2], s[last - 1], width, height);
  const std::int64_t numbers = s.size() == 5 ? s[1] * s[4] : s[3];
  if (s.size() <= 5 && rows > 0) return Map(part, s[last - 2], s[last - 1], numbers, rows);
  return std::nullopt;
}

// Parts of the same anchors, in the order of the outputs.
using Group = std::vector<Part>;

std::vector<Group> GroupsOf(const std::vector<Part>& parts) {
  std::vector<Group> groups;
  for (const Part& part : parts) {
    const auto found = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      return group.front().anchors == part.anchors && group.front().map == part.map;
    });
    if (found == groups.end()) {
      groups.push_back({part});
    } else {
      found->push_back(part);
    }
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return a.front().anchors > b.front().anchors;
  });
  return groups;
}

bool SameForm(const std::vector<Group>& groups) {
  const auto numbers = [](const Group& group) {
    std::vector<std::int64_t> sizes;
    for (const Part& part : group) sizes.push_back(part.numbers);
    std::sort(sizes.begin(), sizes.end());
    return sizes;
  };
  return std::all_of(groups.begin(), groups.end(), [&](const Group& group) {
    return numbers(group) == numbers(groups.front()) &&
           group.front().planes == groups.front().front().planes;
  });
}

// Bins of distances that widths of boxes mean.
int BinsOf(std::int64_t width) {
  for (const int bins : {16, 8, 17}) {
    if (width == kBoxSize * bins) return bins;
  }
  return 0;
}

// Which part of a group is what: indices, -1 for none.
struct Roles {
  int boxes = -1, scores = -1, objectness = -1, landmarks = -1;
  int bins = 1;
};

int BoxesAmong(const Group& group, std::int64_t at_position, int& bins) {
  std::vector<int> four, binned;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const std::int64_t width = group[i].numbers / at_position;
    if (group[i].numbers % at_position != 0) continue;
    if (width == kBoxSize) four.push_back(static_cast<int>(i));
    if (at_position == 1 && BinsOf(width) != 0) binned.push_back(static_cast<int>(i));
  }
  std::vector<int>& found = four.empty() ? binned : four;
  if (found.size() > 1) {
    const auto named = [&](int i) { return NamesBoxes(group[static_cast<std::size_t>(i)]); };
    if (std::count_if(found.begin(), found.end(), named) != 1) return -1;
    found = {*std::find_if(found.begin(), found.end(), named)};
  }
  if (found.empty()) return -1;
  bins = four.empty() ? BinsOf(group[static_cast<std::size_t>(found.front())].numbers / at_position)
                      : 1;
  return found.front();
}

// The first of the parts left that this is true of, taken from them.
template <typename F>
int Take(const Group& group, std::vector<int>& left, F what) {
  const auto found = std::find_if(left.begin(), left.end(),
                                  [&](int i) { return what(group[static_cast<std::size_t>(i)]); });
  if (found == left.end()) return -1;
  const int index = *found;
  left.erase(found);
  return index;
}

std::optional<Roles> RolesIn(const Group& group, std::int64_t at_position) {
  Roles roles;
  roles.boxes = BoxesAmong(group, at_position, roles.bins);
  if (roles.boxes < 0) return std::nullopt;
  std::vector<int> left;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i].numbers % at_position != 0) return std::nullopt;
    if (static_cast<int>(i) != roles.boxes) left.push_back(static_cast<int>(i));
  }
  const auto width = [&](const Part& part) { return part.numbers / at_position; };
  if (left.empty() || left.size() > 3) return std::nullopt;
  const bool landmarks = left.size() == 3;
  if (left.size() > 1) {
    roles.landmarks = Take(group, left, [&](const Part& part) {
      return NamesLandmarks(part) && !NamesScores(part) && width(part) >= kBoxSize;
    });
    const bool faces = std::any_of(left.begin(), left.end(), [&](int i) {
      return width(group[static_cast<std::size_t>(i)]) <= 2;
    });
    if (roles.landmarks < 0 && (landmarks || faces)) {
      roles.landmarks = Take(group, left, [&](const Part& part) { return width(part) == 10; });
    }
  }
  if (left.size() > 1) {
    const auto one = [&](const Part& part) { return width(part) == 1; };
    roles.objectness =
        Take(group, left, [&](const Part& p) { return one(p) && NamesObjectness(p); });
    if (roles.objectness < 0) {
      // Behind the scores, as exporters put it; distributions of distances have none, and what
      // stands there is a sum of scores.
      std::vector<int> turned(left.rbegin(), left.rend());
      const int last =
          Take(group, turned, [&](const Part& p) { return one(p) && !NamesScores(p); });
      if (last >= 0) {
        std::erase(left, last);
        if (roles.bins == 1) roles.objectness = last;
      }
    }
  }
  if (left.size() != 1) return std::nullopt;
  roles.scores = left.front();
  return roles;
}

void AddLevel(const Group& group, const Roles& roles, std::vector<HeadOutputs>& levels) {
  const auto name = [&](int i) {
    return i < 0 ? std::string() : group[static_cast<std::size_t>(i)].name;
  };
  levels.push_back(
      {name(roles.boxes), name(roles.scores), name(roles.objectness), name(roles.landmarks)});
}

void SetLevels(std::vector<HeadOutputs> levels, DetectionSpec& spec) {
  if (levels.size() > 1) {
    spec.levels = std::move(levels);
    return;
  }
  spec.boxes = levels.front().boxes;
  spec.scores = levels.front().scores;
  spec.objectness = levels.front().objectness;
  spec.landmarks = levels.front().landmarks;
}

bool FitsGrids(const std::vector<Group>& groups, std::int64_t at_position, int width, int height,
               HeadForm& form) {
  std::vector<std::int64_t> anchors;
  for (const Group& group : groups) {
    anchors.push_back(group.front().anchors * (group.front().map ? at_position : 1));
    form.anchors += anchors.back();
  }
  const auto match = groups.size() == 1 && !groups.front().front().map
                         ? MatchGrids(anchors.front(), width, height)
                         : MatchLevels(anchors, width, height);
  if (match) {
    form.strides = match->strides;
    form.boxes = match->boxes;
  }
  return match.has_value();
}

// Boxes, scores and perhaps more in outputs of their own, for all anchors or for each map.
std::optional<HeadForm> Separate(const std::vector<Group>& groups, int width, int height) {
  const bool map = groups.front().front().map;
  for (const std::int64_t at_position : {1, 2, 3, 4, 6, 9}) {
    if (!map && at_position > 1) break;
    HeadForm form;
    std::vector<HeadOutputs> levels;
    for (const Group& group : groups) {
      const auto roles = RolesIn(group, at_position);
      if (!roles) break;
      AddLevel(group, *roles, levels);
      form.spec.box_bins = roles->bins;
      form.scores = group[static_cast<std::size_t>(roles->scores)].numbers / at_position;
    }
    if (levels.size() != groups.size()) continue;
    const bool fits = FitsGrids(groups, at_position, width, height, form);
    if (!fits && groups.size() > 1) return std::nullopt;
    SetLevels(std::move(levels), form.spec);
    const bool planes = groups.front().front().planes;
    form.spec.layout = planes ? OutputLayout::kPlanes : OutputLayout::kRows;
    return form;
  }
  return std::nullopt;
}

// Boxes with landmarks beside them in one output, and one score for each in another.
std::optional<HeadForm> Regressors(const std::vector<Group>& groups) {
  HeadForm form;
  form.kind = HeadKind::kRegressors;
  form.scores = 1;
  std::vector<HeadOutputs> levels;
  std::int64_t width = 0;
  for (const Group& group : groups) {
    if (group.size() != 2 || group.front().map) return std::nullopt;
    const bool scores_first = group.front().numbers == 1;
    const Part& scores = group[scores_first ? 0 : 1];
    const Part& boxes = group[scores_first ? 1 : 0];
    width = boxes.numbers;
    if (scores.numbers != 1 || boxes.planes || width < kBoxSize + 2 || width % 2 != 0) {
      return std::nullopt;
    }
    levels.push_back({boxes.name, scores.name, "", boxes.name});
    form.anchors += boxes.anchors;
  }
  SetLevels(std::move(levels), form.spec);
  form.spec.box_columns = {0, static_cast<int>(kBoxSize)};
  form.spec.landmark_columns = {static_cast<int>(kBoxSize), static_cast<int>(width)};
  return form;
}

// The columns of an anchor whose numbers all stand in one output.
void SetColumns(HeadForm& form, std::int64_t numbers) {
  DetectionSpec& spec = form.spec;
  const int width = static_cast<int>(kBoxSize) * spec.box_bins;
  const int scores = static_cast<int>(form.scores);
  if (form.kind == HeadKind::kBinsLast) {
    spec.score_columns = {0, scores};
    spec.box_columns = {scores, scores + width};
    return;
  }
  spec.box_columns = {0, width};
  const bool objectness = form.kind == HeadKind::kObjectness || form.kind == HeadKind::kAnchorMaps;
  if (objectness) spec.objectness_columns = {width, width + 1};
  const int first = width + (objectness ? 1 : 0);
  spec.score_columns = {first, first + scores};
  const int points = static_cast<int>(numbers) - first - scores;
  if (points > 0) spec.landmark_columns = {first + scores, first + scores + points};
}

void NameColumns(const std::vector<Group>& groups, DetectionSpec& spec) {
  std::vector<HeadOutputs> levels;
  for (const Group& group : groups) {
    const std::string& name = group.front().name;
    levels.push_back({name, name, spec.objectness_columns.empty() ? "" : name,
                      spec.landmark_columns.empty() ? "" : name});
  }
  SetLevels(std::move(levels), spec);
}

// One flat output (or one for each map) in which every anchor has `numbers`. `masks` of them are
// for masks.
std::optional<HeadForm> FlatTogether(const std::vector<Group>& groups, std::int64_t masks,
                                     int width, int height) {
  HeadForm form;
  const Part& part = groups.front().front();
  const std::int64_t numbers = part.numbers - masks;
  if (numbers <= kBoxSize) return std::nullopt;
  const bool fits = FitsGrids(groups, 1, width, height, form);
  if (!fits && groups.size() > 1) return std::nullopt;
  form.spec.layout = part.planes ? OutputLayout::kPlanes : OutputLayout::kRows;
  const std::int64_t classes = numbers - kBoxSize;
  constexpr std::int64_t kCoco = 80, kCocoIds = 91, kVoc = 20, kPosePoints = 51, kBinned = 32;
  if (form.strides.empty()) {
    // Queries of a transformer, and lists of other things: only what looks like well-known classes.
    const bool usual = classes == kCoco || classes == kCoco + 1 || classes == kCocoIds ||
                       classes == kVoc || classes == kVoc + 1;
    if (!usual) return std::nullopt;
  }
  const bool distances =
      form.strides.size() >= 4 && form.boxes == 1 && !part.planes && classes != kCoco + 1;
  if (part.planes && numbers == kBoxSize + 1 + kPosePoints) {
    form.kind = HeadKind::kTogether;
    form.scores = 1;
    form.spec.landmark_size = 3;
  } else if (distances && numbers > kBinned) {
    form.kind = HeadKind::kBinsLast;
    form.spec.box_bins = static_cast<int>(kBinned / kBoxSize);
    form.scores = numbers - kBinned;
  } else if (part.planes || classes == 1 || classes == kCoco || classes == kVoc) {
    form.kind = HeadKind::kTogether;
    form.scores = classes;
  } else {
    // Pictures for such networks are whole positions of each map; other lists of so many rows, as
    // text recognisers have, are no anchors.
    const bool whole = std::all_of(form.strides.begin(), form.strides.end(), [&](double stride) {
      return std::fmod(width, stride) == 0 && std::fmod(height, stride) == 0;
    });
    if (!whole) return std::nullopt;
    form.kind = HeadKind::kObjectness;
    form.scores = classes - 1;
  }
  SetColumns(form, numbers);
  NameColumns(groups, form.spec);
  return form;
}

// Maps with all numbers of each position in their channels.
std::optional<HeadForm> MapTogether(const std::vector<Group>& groups, int width, int height) {
  HeadForm form;
  const Part& part = groups.front().front();
  const std::int64_t numbers = part.numbers;
  constexpr std::int64_t kYolo2Boxes = 5, kYolo3Boxes = 3, kBinned = 64;
  const std::int64_t first = kBoxSize + 1;
  const bool yolo2 = numbers == kYolo2Boxes * (first + 20) || numbers == kYolo2Boxes * (first + 80);
  // Channels of features are multiples of 16.
  const bool odd = numbers % 16 != 0;
  const bool known = numbers == kBinned + 80 || numbers == kBinned + 1 || numbers == first + 80;
  std::int64_t boxes = part.boxes;
  if (boxes == 0 && yolo2) boxes = kYolo2Boxes;
  if (boxes == 0 && !known && odd && numbers % kYolo3Boxes == 0 && numbers / kYolo3Boxes > first) {
    boxes = kYolo3Boxes;
  }
  const bool usual = numbers == kYolo3Boxes * (first + 80) || numbers == kYolo3Boxes * (first + 20);
  if (groups.size() == 1 && part.boxes == 0 && !yolo2 && !usual && !known) return std::nullopt;
  if (boxes > 0) {
    if (numbers % boxes != 0 || numbers / boxes <= first) return std::nullopt;
    form.kind = HeadKind::kAnchorMaps;
    form.scores = numbers / boxes - first;
  } else if ((known && numbers != first + 80) || (odd && numbers > kBinned + 1 && !known)) {
    form.kind = HeadKind::kTogether;
    form.spec.box_bins = 16;
    form.scores = numbers - kBinned;
    boxes = 1;
  } else if (odd && numbers > first) {
    form.kind = HeadKind::kObjectness;
    form.scores = numbers - first;
    boxes = 1;
  } else {
    return std::nullopt;
  }
  if (!FitsGrids(groups, boxes, width, height, form)) return std::nullopt;
  form.boxes = static_cast<int>(boxes);
  form.strides.clear();
  for (const Group& group : groups) form.strides.push_back(group.front().stride);
  form.spec.layout = part.planes ? OutputLayout::kPlanes : OutputLayout::kRows;
  SetColumns(form, numbers / boxes);
  NameColumns(groups, form.spec);
  return form;
}

}  // namespace

std::optional<HeadForm> RecognizeHead(const std::vector<TensorInfo>& outputs, int width,
                                      int height) {
  std::vector<Part> parts;
  std::int64_t masks = 0;
  for (const TensorInfo& info : outputs) {
    const auto part = PartOf(info, width, height);
    if (!part) continue;
    // Prototypes of masks, which every anchor has as many numbers for.
    const bool prototypes = part->map && part->stride == 4 && part->numbers == 32;
    if (prototypes && outputs.size() == 2) {
      masks = part->numbers;
      continue;
    }
    parts.push_back(*part);
  }
  if (parts.empty()) return std::nullopt;
  const std::vector<Group> groups = GroupsOf(parts);
  if (!SameForm(groups)) return std::nullopt;
  if (groups.front().size() > 1) {
    const auto separate = Separate(groups, width, height);
    return separate ? separate : Regressors(groups);
  }
  const Part& part = groups.front().front();
  if (!part.map) {
    // Neither axis of what is no list of anchors is much longer than the other.
    const bool list = part.anchors >= 2 * part.numbers;
    return list ? FlatTogether(groups, masks, width, height) : std::nullopt;
  }
  return MapTogether(groups, width, height);
}

}  // namespace kinglet
