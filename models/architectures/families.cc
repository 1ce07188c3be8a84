#include "models/architectures/families.h"

#include <string>

#include "kinglet/error.h"
#include "models/architectures/block_spec.h"

namespace kinglet {
namespace {

constexpr int kMaxResolution = 1024;
constexpr int kMaxClasses = 20000;
constexpr double kMinWidth = 0.1;
constexpr double kMaxWidth = 2.0;

constexpr const char* kBlocksFamily = "blocks";

// VGG's first fully connected layer grows with the square of the resolution: 320 is 1.1 GB of
// weights.
constexpr Family kFamilies[] = {
    {kBlocksFamily, &BuildBlocks, 8, kMaxResolution, false, {}, {}},
    {"faster_rcnn",
     &BuildFasterRcnn,
     64,
     kMaxResolution,
     false,
     {},
     {"inception_v2", "resnet50", "vgg16"}},
    {"inception_v1", &BuildInceptionV1, 32, kMaxResolution, false, {}, {}},
    {"inception_v2", &BuildInceptionV2, 32, kMaxResolution, false, {}, {}},
    {"inception_v3", &BuildInceptionV3, 75, kMaxResolution, false, {}, {}},
    {"mobilenet_v1", &BuildMobileNetV1, 32, kMaxResolution, true, {}, {}},
    {"mobilenet_v2", &BuildMobileNetV2, 32, kMaxResolution, true, {}, {}},
    {"resnet50", &BuildResNet50, 32, kMaxResolution, false, {}, {}},
    {"squeezenet", &BuildSqueezeNet, 32, kMaxResolution, false, {"1.1", "1.0"}, {}},
    {"ssd_inception_v2", &BuildSsdInceptionV2, 32, kMaxResolution, false, {}, {}},
    {"ssd_mobilenet_v1", &BuildSsdMobileNetV1, 32, kMaxResolution, true, {}, {}},
    {"ssd_mobilenet_v2", &BuildSsdMobileNetV2, 32, kMaxResolution, true, {}, {}},
    {"ssd_vgg16", &BuildSsdVgg16, 32, kMaxResolution, false, {}, {}},
    {"ssdlite",
     &BuildSsdLite,
     32,
     kMaxResolution,
     true,
     {},
     {"mobilenet_v2", "mobilenet_v3_large"}},
    {"ultraface", &BuildUltraFace, 32, kMaxResolution, false, {}, {}},
    {"vgg16", &BuildVgg16, 32, 320, false, {}, {}},
};

[[noreturn]] void Refuse(const char* key, const std::string& expected, const std::string& found) {
  throw Error(ErrorCode::kInvalidInput,
              std::string("architecture.") + key + ": expected " + expected + ", found " + found);
}

std::string Quoted(const std::string& text) { return '\'' + text + '\''; }

void CheckChoice(const char* key, std::span<const char* const> choices, const Family& family,
                 const std::string& chosen) {
  if (chosen.empty()) return;
  std::string known;
  for (const char* name : choices) {
    if (name == nullptr) continue;
    if (chosen == name) return;
    known += (known.empty() ? "" : " or ") + Quoted(name);
  }
  Refuse(key, known.empty() ? std::string("none for ") + family.name : known, Quoted(chosen));
}

void CheckSide(const char* key, const Family& family, int side) {
  if (side >= family.min_resolution && side <= family.max_resolution) return;
  Refuse(key,
         std::to_string(family.min_resolution) + " to " + std::to_string(family.max_resolution) +
             " for " + family.name,
         std::to_string(side));
}

}  // namespace

std::span<const Family> AllFamilies() { return kFamilies; }

const Family* FindFamily(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (name == family.name) return &family;
  }
  return nullptr;
}

void CheckArchitecture(const Architecture& architecture) {
  const Family* family = FindFamily(architecture.family);
  if (family == nullptr) {
    std::string names;
    for (const Family& known : kFamilies)
      names += (names.empty() ? "" : ", ") + std::string(known.name);
    Refuse("family", "one of " + names, Quoted(architecture.family));
  }
  CheckSide("resolution", *family, architecture.resolution);
  CheckSide("height", *family, architecture.input_height());
  if (architecture.classes < 1 || architecture.classes > kMaxClasses) {
    Refuse("classes", "1 to " + std::to_string(kMaxClasses), std::to_string(architecture.classes));
  }
  const double width = architecture.width_multiplier;
  if (family->has_width_multiplier ? !(width >= kMinWidth && width <= kMaxWidth) : width != 1.0) {
    Refuse("width_multiplier",
           family->has_width_multiplier ? "0.1 to 2" : std::string("none or 1 for ") + family->name,
           std::to_string(width));
  }
  CheckChoice("version", family->versions, *family, architecture.version);
  CheckChoice("backbone", family->backbones, *family, architecture.backbone);
  if (family->name == std::string_view(kBlocksFamily)) {
    ParseBlocks(architecture.blocks);
  } else if (!architecture.blocks.empty()) {
    Refuse("blocks", std::string("none for ") + family->name,
           std::to_string(architecture.blocks.size()));
  }
}

std::vector<std::string> ListArchitectures() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) names.emplace_back(family.name);
  return names;
}

Graph BuildArchitecture(const Architecture& architecture, const BuildOptions& options) {
  CheckArchitecture(architecture);
  return FindFamily(architecture.family)->build(architecture, options);
}

}  // namespace kinglet
