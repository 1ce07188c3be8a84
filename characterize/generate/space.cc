#include "characterize/generate/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>

#include "characterize/generate/families.h"
#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

struct Space {
  const char* name;
  const char* what;
  Drawn (*draw)(Draws& draws, int size, int width);
  bool detects;
  bool has_width;
};

constexpr Space kSpaces[] = {
    {"inception", "stages of Inception's modules, widths and pools drawn", &DrawInception, false,
     false},
    {"layers", "one layer around the sizes at which kernels change", &DrawLayer, false, false},
    {"mobilenet", "MobileNet V1, V2 and V3: widths, kernels, expansions, depths, sizes",
     &DrawMobileNet, false, false},
    {"nasbench101", "cells of at most 7 vertices and 9 edges on the published skeleton",
     &DrawNasBench, false, true},
    {"resnet", "ResNet and ResNeXt: blocks, widths, groups, depths, sizes", &DrawResNet, false,
     false},
    {"ssd", "SSD on MobileNets: heads, anchors, classes, sizes", &DrawSsd, true, false},
};

constexpr std::size_t kMaxCount = 100'000;
constexpr int kMinSize = 16;
constexpr int kMaxSize = 1024;
constexpr int kMaxStem = 512;
constexpr int kMaxDrawnClasses = 20'000;

[[noreturn]] void Refuse(const std::string& what) { throw Error(ErrorCode::kInvalidInput, what); }

const Space& SpaceOf(const std::string& name) {
  for (const Space& space : kSpaces) {
    if (name == space.name) return space;
  }
  Refuse(
      fmt::format("--space: expected one of {}, found '{}'", fmt::join(SpaceNames(), ", "), name));
}

void CheckRange(const char* option, int value, int min, int max) {
  if (value == 0 || (value >= min && value <= max)) return;
  Refuse(fmt::format("{}: expected {} to {}, found {}", option, min, max, value));
}

Descriptor DescriptorOf(const Space& space, const Drawn& drawn, std::string name) {
  Descriptor descriptor = FindDescriptor(space.detects ? "ssd_mobilenet_v1" : "mobilenet_v1");
  descriptor.name = std::move(name);
  descriptor.description = fmt::format("drawn from the space {}", space.name);
  descriptor.labels.clear();
  descriptor.preprocess.width = descriptor.preprocess.height = drawn.size;
  descriptor.architecture = {};
  descriptor.architecture.family = "blocks";
  descriptor.architecture.resolution = drawn.size;
  descriptor.architecture.classes = drawn.classes;
  descriptor.architecture.blocks = drawn.blocks;
  if (space.detects) {
    AnchorSpec& anchors = descriptor.detection.anchors;
    anchors.strides.assign(drawn.strides.begin(), drawn.strides.end());
    if (!drawn.five_shapes) anchors.aspect_ratios = {{1.0, 2.0, 0.5}};
  }
  return descriptor;
}

std::string IdentityOf(const Drawn& drawn) {
  if (!drawn.identity.empty()) return drawn.identity;
  return fmt::format("{} {} {}", drawn.size, drawn.classes, fmt::join(drawn.blocks, ";"));
}

}  // namespace

std::vector<std::string> SpaceNames() {
  std::vector<std::string> names;
  for (const Space& space : kSpaces) names.emplace_back(space.name);
  return names;
}

std::string DescribeSpace(const std::string& space) { return SpaceOf(space).what; }

std::vector<Descriptor> DrawNetworks(const std::string& name, const DrawOptions& options) {
  const Space& space = SpaceOf(name);
  if (options.count < 1 || options.count > kMaxCount) {
    Refuse(fmt::format("--count: expected 1 to {}, found {}", kMaxCount, options.count));
  }
  CheckRange("--size", options.size, kMinSize, kMaxSize);
  CheckRange("--width", options.width, 1, kMaxStem);
  CheckRange("--classes", options.classes, 1, kMaxDrawnClasses);
  if (options.width != 0 && !space.has_width) {
    Refuse(fmt::format("--width: the space {} draws its widths", name));
  }
  // Of a space that is nearly used up, most draws are old ones.
  const std::size_t most_draws = 1000 + 200 * options.count;
  Draws draws(options.seed);
  std::set<std::string> seen;
  std::vector<Descriptor> networks;
  for (std::size_t i = 0; networks.size() < options.count; ++i) {
    if (i == most_draws) {
      Refuse(
          fmt::format("--count: {} draws from the space {} found {} different networks, "
                      "expected {}; ask for fewer",
                      most_draws, name, networks.size(), options.count));
    }
    Drawn drawn = space.draw(draws, options.size, options.width);
    if (options.classes != 0) drawn.classes = options.classes;
    if (!seen.insert(IdentityOf(drawn)).second) continue;
    networks.push_back(DescriptorOf(
        space, drawn, fmt::format("{}_{}_{:05}", name, options.seed, networks.size())));
  }
  return networks;
}

void WriteNetworks(const std::vector<Descriptor>& networks, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder, error)) {
    throw Error(ErrorCode::kIo, folder + ": no folder can be made here" +
                                    (error ? ": " + error.message() : std::string()));
  }
  for (const Descriptor& network : networks) {
    WriteDescriptor((std::filesystem::path(folder) / (network.name + ".json")).string(), network);
  }
}

}  // namespace kinglet::characterize
