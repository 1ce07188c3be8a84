#include "models/descriptor/detection_json.h"

#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "models/anchors/anchors.h"
#include "models/descriptor/choices.h"
#include "models/descriptor/head_json.h"

namespace kinglet {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxFileNameBytes = 1024;
constexpr std::size_t kMaxMaps = 16;
constexpr double kMaxPixels = 8192;
constexpr double kMaxRatio = 100;
constexpr double kSmallest = 1e-6;
constexpr std::int64_t kMaxBoxes = 1'000'000;
constexpr int kCheckedSide = 320;

// Keys that the generator does not read would be ignored; better to say so. They stay unknown keys.
AnchorSpec ParseGenerator(JsonObject& object, AnchorGenerator generator) {
  AnchorSpec spec;
  spec.generator = generator;
  spec.strides = object.NumberList("strides", 1, kMaxPixels, kMaxMaps);
  for (const auto& map : object.NumberLists("maps", 1, kMaxPixels, kMaxMaps)) {
    if (map.size() != 2 || map[0] != static_cast<int>(map[0]) ||
        map[1] != static_cast<int>(map[1])) {
      object.Fail("maps", "an array of [height, width], whole numbers", "something else");
    }
    spec.maps.push_back({static_cast<int>(map[0]), static_cast<int>(map[1])});
  }
  const bool scaled =
      generator == AnchorGenerator::kSsd || generator == AnchorGenerator::kDefaultBoxes;
  const bool grid = generator == AnchorGenerator::kGrid;
  if (scaled) {
    spec.min_scale = object.Number("min_scale", kSmallest, kMaxRatio, spec.min_scale);
    spec.max_scale = object.Number("max_scale", kSmallest, kMaxRatio, spec.max_scale);
    spec.scales = object.NumberList("scales", kSmallest, kMaxRatio, kMaxMaps + 1);
  }
  if (scaled || grid) {
    spec.aspect_ratios = object.NumberLists("aspect_ratios", 1 / kMaxRatio, kMaxRatio, kMaxMaps);
  }
  if (grid) {
    spec.widths = object.NumberLists("widths", kSmallest, kMaxPixels, kMaxMaps);
    spec.heights = object.NumberLists("heights", kSmallest, kMaxPixels, kMaxMaps);
  }
  if (!scaled) spec.sizes = object.NumberLists("sizes", kSmallest, kMaxPixels, kMaxMaps);
  if (generator == AnchorGenerator::kSsd) {
    spec.interpolated_ratio = object.Number("interpolated_ratio", 0, kMaxRatio, 1.0);
    spec.reduce_lowest = object.Bool("reduce_lowest", spec.reduce_lowest);
  }
  if (grid) {
    spec.offset = object.Number("offset", -kMaxPixels, kMaxPixels, spec.offset);
    spec.round = object.Bool("round", spec.round);
  } else {
    spec.unpadded_maps = static_cast<int>(object.Integer("unpadded_maps", 0, kMaxMaps, 0));
    spec.center_by_stride = object.Bool("center_by_stride", spec.center_by_stride);
  }
  if (generator == AnchorGenerator::kDefaultBoxes || generator == AnchorGenerator::kSquares) {
    spec.clip = object.Bool("clip", spec.clip);
  }
  return spec;
}

AnchorSpec ParseAnchors(JsonObject object) {
  const auto generator = object.OneOf<AnchorGenerator>("generator", kAnchorGenerators);
  AnchorSpec spec;
  if (generator == AnchorGenerator::kFile) {
    spec.generator = generator;
    spec.file = object.String("file", kMaxFileNameBytes);
    object.Finish();
    return spec;
  }
  spec = ParseGenerator(object, generator);
  object.Finish();
  try {
    MakeAnchors(spec, kCheckedSide, kCheckedSide, BoxUnit::kPicture);
  } catch (const Error& error) {
    object.FailWith(error.what());
  }
  return spec;
}

Json ShortNumbers(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) {
    if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
      json.push_back(static_cast<std::int64_t>(value));
    } else {
      json.push_back(value);
    }
  }
  return json;
}

Json ShortLists(const std::vector<std::vector<double>>& lists) {
  if (lists.size() == 1) return ShortNumbers(lists.front());
  Json json = Json::array();
  for (const auto& list : lists) json.push_back(ShortNumbers(list));
  return json;
}

Json AnchorsToJson(const AnchorSpec& spec) {
  const AnchorSpec defaults;
  Json json;
  json["generator"] = NameOf(kAnchorGenerators, spec.generator);
  if (!spec.file.empty()) json["file"] = spec.file;
  if (!spec.strides.empty()) json["strides"] = ShortNumbers(spec.strides);
  for (const auto& map : spec.maps) json["maps"].push_back(map);
  if (spec.unpadded_maps != 0) json["unpadded_maps"] = spec.unpadded_maps;
  if (spec.center_by_stride) json["center_by_stride"] = true;
  if (spec.min_scale != defaults.min_scale) json["min_scale"] = spec.min_scale;
  if (spec.max_scale != defaults.max_scale) json["max_scale"] = spec.max_scale;
  if (!spec.scales.empty()) json["scales"] = ShortNumbers(spec.scales);
  if (!spec.aspect_ratios.empty()) json["aspect_ratios"] = ShortLists(spec.aspect_ratios);
  if (spec.interpolated_ratio != defaults.interpolated_ratio) {
    json["interpolated_ratio"] = spec.interpolated_ratio;
  }
  if (!spec.reduce_lowest) json["reduce_lowest"] = false;
  if (!spec.sizes.empty()) json["sizes"] = ShortLists(spec.sizes);
  if (!spec.widths.empty()) json["widths"] = ShortLists(spec.widths);
  if (!spec.heights.empty()) json["heights"] = ShortLists(spec.heights);
  if (spec.offset != 0) json["offset"] = spec.offset;
  if (spec.round) json["round"] = true;
  if (spec.clip) json["clip"] = true;
  return json;
}

}  // namespace

DetectionSpec ParseDetection(JsonObject& output) {
  DetectionSpec spec;
  ParseHeads(output, spec);
  spec.nms = output.OneOf<NmsKind>("nms", kNmsKinds, spec.nms);
  spec.box_order = output.OneOf<BoxOrder>("box_order", kBoxOrders, spec.box_order);
  spec.unit = output.OneOf<BoxUnit>("box_unit", kBoxUnits, spec.unit);
  spec.background = output.OneOf<Background>("background", kBackgrounds, spec.background);
  spec.score_threshold =
      static_cast<float>(output.Number("score_threshold", 0, 1, double{spec.score_threshold}));
  spec.max_detections =
      static_cast<int>(output.Integer("max_detections", 1, kMaxBoxes, spec.max_detections));
  if (spec.nms == NmsKind::kNone) {
    ParseFinished(output, spec);
    return spec;
  }
  spec.iou_threshold =
      static_cast<float>(output.Number("iou_threshold", 0, 1, double{spec.iou_threshold}));
  spec.box_coding = output.OneOf<BoxCoding>("box_coding", kBoxCodings, spec.box_coding);
  ParseCodes(output, spec);
  if (!HasAnchors(spec.box_coding)) return spec;
  const std::vector<double> scales = output.Numbers("box_scales", kSmallest, 1e6, {1, 1, 1, 1});
  for (std::size_t i = 0; i < scales.size(); ++i) {
    spec.box_scales[i] = static_cast<float>(scales[i]);
  }
  spec.anchors = ParseAnchors(output.Object("anchors"));
  const bool yolo = IsYolo(spec.box_coding);
  if (yolo && (spec.anchors.generator != AnchorGenerator::kGrid || spec.anchors.strides.empty() ||
               spec.unit != BoxUnit::kPixels)) {
    output.Fail("anchors", "of this box_coding a grid with strides, and box_unit 'pixels'",
                "others");
  }
  return spec;
}

void WriteDetection(const DetectionSpec& spec, Json& output) {
  WriteHeads(spec, output);
  output["box_order"] = NameOf(kBoxOrders, spec.box_order);
  output["box_unit"] = NameOf(kBoxUnits, spec.unit);
  if (spec.nms != NmsKind::kNone) {
    output["box_coding"] = NameOf(kBoxCodings, spec.box_coding);
    if (HasAnchors(spec.box_coding)) {
      output["box_scales"] = {ShortNumber(spec.box_scales[0]), ShortNumber(spec.box_scales[1]),
                              ShortNumber(spec.box_scales[2]), ShortNumber(spec.box_scales[3])};
      output["anchors"] = AnchorsToJson(spec.anchors);
    }
  }
  output["background"] = NameOf(kBackgrounds, spec.background);
  output["nms"] = NameOf(kNmsKinds, spec.nms);
  output["score_threshold"] = ShortNumber(spec.score_threshold);
  if (spec.nms != NmsKind::kNone) {
    output["iou_threshold"] = ShortNumber(spec.iou_threshold);
  }
  output["max_detections"] = spec.max_detections;
}

Json ShortNumber(float value) {
  char text[32];
  const auto result = std::to_chars(text, text + sizeof(text) - 1, value);
  *result.ptr = '\0';
  const double number = std::strtod(text, nullptr);
  if (number == static_cast<double>(static_cast<std::int64_t>(number))) {
    return static_cast<std::int64_t>(number);
  }
  return number;
}

}  // namespace kinglet
