#include "models/descriptor/head_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/descriptor/choices.h"

namespace kinglet {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxOutputNameBytes = 1024;
constexpr std::size_t kMaxLevels = 16;
constexpr int kMaxBins = 256;

// The outputs by their keys, with the columns that they have where they share one.
struct Part {
  const char* key;
  std::string HeadOutputs::*name;
  std::string DetectionSpec::*single;
  Columns DetectionSpec::*columns;
};
constexpr Part kParts[] = {
    {"boxes", &HeadOutputs::boxes, &DetectionSpec::boxes, &DetectionSpec::box_columns},
    {"scores", &HeadOutputs::scores, &DetectionSpec::scores, &DetectionSpec::score_columns},
    {"objectness", &HeadOutputs::objectness, &DetectionSpec::objectness,
     &DetectionSpec::objectness_columns},
    {"landmarks", &HeadOutputs::landmarks, &DetectionSpec::landmarks,
     &DetectionSpec::landmark_columns}};

// One output, or one of each feature map.
void SetNames(JsonObject& output, const Part& part, const std::vector<std::string>& names,
              DetectionSpec& spec) {
  if (names.empty()) return;
  if (names.size() == 1 && spec.levels.empty()) {
    spec.*part.single = names.front();
    return;
  }
  if (spec.levels.empty() && part.name == &HeadOutputs::boxes) spec.levels.resize(names.size());
  if (names.size() != spec.levels.size()) {
    output.Fail(part.key, "as many outputs as there are of boxes",
                std::to_string(names.size()) + " of them");
  }
  for (std::size_t i = 0; i < names.size(); ++i) spec.levels[i].*part.name = names[i];
}

void ParsePart(JsonObject& output, const Part& part, DetectionSpec& spec) {
  std::vector<std::string> names = output.Names(part.key, kMaxLevels, kMaxOutputNameBytes);
  const bool shared = !(spec.*part.columns).empty() && !output.Has(part.key);
  if (shared) {
    for (const HeadOutputs& head : spec.Heads()) names.push_back(head.boxes);
  }
  SetNames(output, part, names, spec);
}

void ParseColumns(JsonObject& output, DetectionSpec& spec, bool finished) {
  if (!output.Has("columns")) return;
  JsonObject object = output.Object("columns");
  const auto parse = [&](const char* key) {
    const auto range = object.Range(key, Columns::kOpen);
    return Columns{range[0], range[1]};
  };
  for (const Part& part : kParts) spec.*part.columns = parse(part.key);
  if (finished) spec.class_columns = parse("classes");
  object.Finish();
}

std::vector<std::string> NamesOf(const DetectionSpec& spec, const Part& part) {
  std::vector<std::string> names;
  for (const HeadOutputs& head : spec.Heads()) names.push_back(head.*part.name);
  const bool none =
      std::all_of(names.begin(), names.end(), [](const std::string& name) { return name.empty(); });
  return none ? std::vector<std::string>() : names;
}

void WriteColumns(const DetectionSpec& spec, Json& output) {
  Json columns;
  const auto write = [&](const char* key, const Columns& range) {
    if (range.empty()) return;
    columns[key] = Json::array({range.first});
    if (range.end != Columns::kOpen) columns[key].push_back(range.end);
  };
  for (const Part& part : kParts) write(part.key, spec.*part.columns);
  write("classes", spec.class_columns);
  if (!columns.empty()) output["columns"] = columns;
}

}  // namespace

void ParseHeads(JsonObject& output, DetectionSpec& spec) {
  const bool finished = output.OneOf<NmsKind>("nms", kNmsKinds, spec.nms) == NmsKind::kNone;
  ParseColumns(output, spec, finished);
  for (const Part& part : kParts) {
    if (finished && part.name == &HeadOutputs::objectness) continue;
    ParsePart(output, part, spec);
  }
  if (finished && !spec.levels.empty()) output.Fail("boxes", "one output", "several");
  spec.landmark_size = static_cast<int>(output.Integer("landmark_size", 2, 3, spec.landmark_size));
}

void ParseFinished(JsonObject& output, DetectionSpec& spec) {
  spec.classes = output.String("classes", kMaxOutputNameBytes,
                               spec.class_columns.empty() ? std::string() : spec.boxes);
  spec.count = output.String("count", kMaxOutputNameBytes, "");
}

void ParseCodes(JsonObject& output, DetectionSpec& spec) {
  spec.layout = output.OneOf<OutputLayout>("layout", kOutputLayouts, spec.layout);
  spec.box_bins = static_cast<int>(output.Integer("box_bins", 1, kMaxBins, spec.box_bins));
  spec.score_rule = output.OneOf<ScoreRule>("score_rule", kScoreRules, spec.score_rule);
  if (!spec.box_columns.empty() && spec.box_columns.size() != 4 * spec.box_bins) {
    output.Fail("columns.boxes", std::to_string(4 * spec.box_bins) + " of them",
                std::to_string(spec.box_columns.size()));
  }
}

void WriteHeads(const DetectionSpec& spec, Json& output) {
  const std::vector<std::string> boxes = NamesOf(spec, kParts[0]);
  for (const Part& part : kParts) {
    const std::vector<std::string> names = NamesOf(spec, part);
    const bool shared = &part != &kParts[0] && !(spec.*part.columns).empty() && names == boxes;
    if (names.empty() || shared) continue;
    if (names.size() == 1) {
      output[part.key] = names.front();
    } else {
      output[part.key] = names;
    }
  }
  const bool shared_classes = !spec.class_columns.empty() && spec.classes == spec.boxes;
  if (!spec.classes.empty() && !shared_classes) output["classes"] = spec.classes;
  if (!spec.count.empty()) output["count"] = spec.count;
  WriteColumns(spec, output);
  if (spec.landmark_size != 2) output["landmark_size"] = spec.landmark_size;
  if (spec.nms == NmsKind::kNone) return;
  if (spec.layout != OutputLayout::kRows) output["layout"] = NameOf(kOutputLayouts, spec.layout);
  if (spec.box_bins != 1) output["box_bins"] = spec.box_bins;
  if (spec.score_rule != ScoreRule::kProduct) {
    output["score_rule"] = NameOf(kScoreRules, spec.score_rule);
  }
}

}  // namespace kinglet
