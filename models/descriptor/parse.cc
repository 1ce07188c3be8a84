#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "models/architectures/families.h"
#include "models/descriptor/choices.h"
#include "models/descriptor/detection_json.h"
#include "models/files/files.h"
#include "models/files/json_object.h"

namespace kinglet {
namespace {

constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxTextBytes = 1024;
constexpr std::size_t kMaxNotes = 32;
constexpr std::size_t kMaxBlockLines = 256;
constexpr std::size_t kMaxBlockBytes = 256;
constexpr std::int64_t kMaxSide = 8192;
constexpr double kLargest = 1e6;
constexpr double kSmallestStd = 1e-6;

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

std::array<float, 3> Floats(const std::vector<double>& values) {
  return {static_cast<float>(values[0]), static_cast<float>(values[1]),
          static_cast<float>(values[2])};
}

// Keys of rules that do not apply would be ignored; better to say so.
void RefuseUnless(bool applies, const JsonObject& object, const char* key, const char* when) {
  if (!applies && object.Has(key)) {
    object.Fail(key, std::string("no such key unless fit is '") + when + "'", "one");
  }
}

PreprocessSpec ParsePreprocess(JsonObject& input) {
  PreprocessSpec spec;
  spec.width = static_cast<int>(input.Integer("width", 1, kMaxSide));
  spec.height = static_cast<int>(input.Integer("height", 1, kMaxSide));
  spec.layout = input.OneOf<ImageLayout>("layout", kLayouts, spec.layout);
  spec.color_order = input.OneOf<ColorOrder>("color", kColorOrders, spec.color_order);
  spec.central_crop = input.Number("central_crop", 0.01, 1.0, spec.central_crop);
  spec.resize = input.OneOf<ResizeRule>("resize", kResizeRules, spec.resize);
  spec.fit = input.OneOf<FitRule>("fit", kFitRules, spec.fit);
  RefuseUnless(spec.fit == FitRule::kShortestSide, input, "resize_shortest", "shortest_side");
  RefuseUnless(spec.fit == FitRule::kLetterbox, input, "pad_value", "letterbox");
  if (spec.fit == FitRule::kShortestSide) {
    spec.resize_shortest = static_cast<int>(
        input.Integer("resize_shortest", std::max(spec.width, spec.height), kMaxSide));
  }
  if (spec.fit == FitRule::kLetterbox) {
    spec.pad_value = static_cast<float>(input.Number("pad_value", 0, 255, spec.pad_value));
  }
  spec.max_value = static_cast<float>(input.Number("max_value", kSmallestStd, kLargest, 255.0));
  spec.mean = Floats(input.Numbers("mean", -kLargest, kLargest, {0, 0, 0}));
  spec.stddev = Floats(input.Numbers("std", kSmallestStd, kLargest, {1, 1, 1}));
  return spec;
}

Rejection ParseRejection(JsonObject object) {
  Rejection rejection;
  rejection.measure = object.OneOf<RejectionMeasure>("measure", kRejectionMeasures);
  if (rejection.measure == RejectionMeasure::kOutput) {
    rejection.output = object.String("output", kMaxTextBytes);
  }
  rejection.limit = static_cast<float>(object.Number("limit", -kLargest, kLargest));
  object.Finish();
  return rejection;
}

Architecture ParseArchitecture(JsonObject object, const PreprocessSpec& preprocess) {
  Architecture architecture;
  architecture.family = object.String("family", kMaxNameBytes);
  architecture.width_multiplier = object.Number("width_multiplier", 0.01, 100.0, 1.0);
  architecture.resolution = static_cast<int>(object.Integer("resolution", 1, kMaxSide));
  if (object.Has("height")) {
    architecture.height = static_cast<int>(object.Integer("height", 1, kMaxSide));
  }
  architecture.classes = static_cast<int>(object.Integer("classes", 1, 1'000'000));
  architecture.version = object.String("version", kMaxNameBytes, "");
  architecture.backbone = object.String("backbone", kMaxNameBytes, "");
  architecture.blocks = object.Strings("blocks", kMaxBlockLines, kMaxBlockBytes);
  object.Finish();
  if (architecture.height == 0 && architecture.resolution != preprocess.height) {
    object.Fail("resolution", "the width and height of the input",
                std::to_string(architecture.resolution));
  }
  if (architecture.resolution != preprocess.width) {
    object.Fail("resolution", "the width of the input", std::to_string(architecture.resolution));
  }
  if (architecture.input_height() != preprocess.height) {
    object.Fail("height", "the height of the input", std::to_string(architecture.height));
  }
  return architecture;
}

std::string CheckedName(const JsonObject& root, std::string name) {
  if (name.empty() || !std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    root.Fail("name", "1 to 64 letters, digits and _ - .", "'" + name + "'");
  }
  return name;
}

// The letters of a file's name without folder and extension that a descriptor's name may have.
std::string NameFromFile(const std::string& source) {
  std::string name = std::filesystem::path(source).stem().string().substr(0, kMaxNameBytes);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !IsNameCharacter(c); }, '_');
  return name.empty() ? "network" : name;
}

}  // namespace

Descriptor ParseDescriptor(std::string_view text, const std::string& source) {
  const nlohmann::json json = ParseStrictJson(text, source, kMaxDescriptorBytes, kMaxDepth);
  JsonObject root(json, source, "");
  Descriptor descriptor;
  descriptor.name = CheckedName(root, root.String("name", kMaxNameBytes, NameFromFile(source)));
  descriptor.description = root.String("description", kMaxTextBytes, "");
  descriptor.task = root.OneOf<Task>("task", kTasks);

  JsonObject input = root.Object("input");
  descriptor.input = input.String("name", kMaxTextBytes, "");
  descriptor.preprocess = ParsePreprocess(input);
  if (descriptor.task == Task::kDetect) {
    descriptor.picture_size = input.Bool("picture_size", false);
  }
  input.Finish();

  JsonObject output = root.Object("output");
  descriptor.activation =
      output.OneOf<ScoreActivation>("activation", kActivations, ScoreActivation::kAuto);
  if (descriptor.task == Task::kClassify) {
    descriptor.output = output.String("name", kMaxTextBytes, "");
    if (output.Has("rejection")) {
      descriptor.rejection = ParseRejection(output.Object("rejection"));
    }
  } else {
    descriptor.detection = ParseDetection(output);
  }
  descriptor.labels = output.String("labels", kMaxTextBytes, "");
  output.Finish();

  if (root.Has("architecture")) {
    descriptor.architecture = ParseArchitecture(root.Object("architecture"), descriptor.preprocess);
    try {
      CheckArchitecture(descriptor.architecture);
    } catch (const Error& error) {
      throw Error(ErrorCode::kInvalidModel, source + ": " + error.what());
    }
  }
  descriptor.notes = root.Strings("notes", kMaxNotes, kMaxTextBytes);
  root.Finish();
  return descriptor;
}

Descriptor ReadDescriptor(const std::string& path) {
  Descriptor descriptor =
      ParseDescriptor(ReadTextFile(path, kMaxDescriptorBytes, "a descriptor"), path);
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  descriptor.folder = folder.empty() ? "." : folder.string();
  return descriptor;
}

}  // namespace kinglet
