#include <nlohmann/json.hpp>

#include "kinglet/descriptor.h"
#include "kinglet/file.h"
#include "models/descriptor/choices.h"
#include "models/descriptor/detection_json.h"

namespace kinglet {
namespace {

using Json = nlohmann::ordered_json;

Json Short(const std::array<float, 3>& values) {
  return {ShortNumber(values[0]), ShortNumber(values[1]), ShortNumber(values[2])};
}

Json InputToJson(const Descriptor& descriptor) {
  const PreprocessSpec& spec = descriptor.preprocess;
  Json input;
  if (!descriptor.input.empty()) input["name"] = descriptor.input;
  input["width"] = spec.width;
  input["height"] = spec.height;
  input["layout"] = NameOf(kLayouts, spec.layout);
  input["color"] = NameOf(kColorOrders, spec.color_order);
  input["central_crop"] = spec.central_crop;
  input["resize"] = NameOf(kResizeRules, spec.resize);
  input["fit"] = NameOf(kFitRules, spec.fit);
  if (spec.fit == FitRule::kShortestSide) input["resize_shortest"] = spec.resize_shortest;
  if (spec.fit == FitRule::kLetterbox) input["pad_value"] = ShortNumber(spec.pad_value);
  input["max_value"] = ShortNumber(spec.max_value);
  input["mean"] = Short(spec.mean);
  input["std"] = Short(spec.stddev);
  if (descriptor.picture_size) input["picture_size"] = true;
  return input;
}

Json ArchitectureToJson(const Architecture& architecture) {
  Json json;
  json["family"] = architecture.family;
  if (!architecture.version.empty()) json["version"] = architecture.version;
  if (architecture.width_multiplier != 1.0) {
    json["width_multiplier"] = architecture.width_multiplier;
  }
  if (!architecture.backbone.empty()) json["backbone"] = architecture.backbone;
  json["resolution"] = architecture.resolution;
  if (architecture.height != 0) json["height"] = architecture.height;
  json["classes"] = architecture.classes;
  if (!architecture.blocks.empty()) json["blocks"] = architecture.blocks;
  return json;
}

bool StartsNumber(const std::string& text, std::size_t at) {
  const std::size_t first = text.find_first_not_of(" \n", at);
  return first != text.npos && (text[first] == '-' || (text[first] >= '0' && text[first] <= '9'));
}

// Puts arrays of numbers on one line: [0.485, 0.456, 0.406].
std::string JoinNumbers(const std::string& text) {
  std::string joined;
  bool in_string = false;
  bool in_numbers = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      joined += c;
      if (c == '\\') joined += text[++i];
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[') in_numbers = StartsNumber(text, i + 1);
    if (c == ']') in_numbers = false;
    if (in_numbers && (c == '\n' || c == ' ')) continue;
    joined += c;
    if (in_numbers && c == ',') joined += ' ';
  }
  return joined;
}

}  // namespace

std::string DescriptorToJson(const Descriptor& descriptor) {
  Json root;
  root["name"] = descriptor.name;
  if (!descriptor.description.empty()) root["description"] = descriptor.description;
  root["task"] = NameOf(kTasks, descriptor.task);
  root["input"] = InputToJson(descriptor);
  Json output = Json::object();
  if (descriptor.task == Task::kClassify) {
    if (!descriptor.output.empty()) output["name"] = descriptor.output;
  } else {
    WriteDetection(descriptor.detection, output);
  }
  const Rejection& rejection = descriptor.rejection;
  if (rejection.measure != RejectionMeasure::kNone) {
    output["rejection"]["measure"] = NameOf(kRejectionMeasures, rejection.measure);
    if (!rejection.output.empty()) output["rejection"]["output"] = rejection.output;
    output["rejection"]["limit"] = ShortNumber(rejection.limit);
  }
  output["activation"] = NameOf(kActivations, descriptor.activation);
  if (!descriptor.labels.empty()) output["labels"] = descriptor.labels;
  root["output"] = output;
  if (!descriptor.architecture.family.empty()) {
    root["architecture"] = ArchitectureToJson(descriptor.architecture);
  }
  if (!descriptor.notes.empty()) root["notes"] = descriptor.notes;
  return JoinNumbers(root.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

void WriteDescriptor(const std::string& path, const Descriptor& descriptor) {
  WriteFile(path, DescriptorToJson(descriptor));
}

}  // namespace kinglet
