// The families that BuildArchitecture knows, each in a file of its own.
#pragma once

#include <span>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"

namespace kinglet {

struct Family {
  const char* name;
  Graph (*build)(const Architecture& architecture, const BuildOptions& options);
  int min_resolution;  // the smallest input that every layer can take
  int max_resolution;
  bool has_width_multiplier;
  const char* versions[2];   // first the default; null where there are none
  const char* backbones[3];  // the same
};

// Sorted by name.
std::span<const Family> AllFamilies();
// Null when there is none of this name.
const Family* FindFamily(std::string_view name);

// Throws Error(kInvalidInput) "<key>: expected ..., found ..." for a parameter out of range.
void CheckArchitecture(const Architecture& architecture);

Graph BuildBlocks(const Architecture& architecture, const BuildOptions& options);
Graph BuildFasterRcnn(const Architecture& architecture, const BuildOptions& options);
Graph BuildInceptionV1(const Architecture& architecture, const BuildOptions& options);
Graph BuildInceptionV2(const Architecture& architecture, const BuildOptions& options);
Graph BuildInceptionV3(const Architecture& architecture, const BuildOptions& options);
Graph BuildMobileNetV1(const Architecture& architecture, const BuildOptions& options);
Graph BuildMobileNetV2(const Architecture& architecture, const BuildOptions& options);
Graph BuildResNet50(const Architecture& architecture, const BuildOptions& options);
Graph BuildSqueezeNet(const Architecture& architecture, const BuildOptions& options);
Graph BuildSsdInceptionV2(const Architecture& architecture, const BuildOptions& options);
Graph BuildSsdMobileNetV1(const Architecture& architecture, const BuildOptions& options);
Graph BuildSsdLite(const Architecture& architecture, const BuildOptions& options);
Graph BuildSsdMobileNetV2(const Architecture& architecture, const BuildOptions& options);
Graph BuildSsdVgg16(const Architecture& architecture, const BuildOptions& options);
Graph BuildUltraFace(const Architecture& architecture, const BuildOptions& options);
Graph BuildVgg16(const Architecture& architecture, const BuildOptions& options);

}  // namespace kinglet
