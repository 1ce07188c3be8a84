// A detector that is soon built and run.
#pragma once

#include <string>

#include "kinglet/descriptor.h"
#include "tests/apps/command.h"

namespace kinglet::testing {

// A descriptor file in the folder: SSD MobileNet V1, a tenth as wide, for pictures of 64 x 64.
inline std::string WriteSmallDetector(const TemporaryFolder& folder) {
  Descriptor descriptor = FindDescriptor("ssd_mobilenet_v1");
  descriptor.architecture.width_multiplier = 0.1;
  descriptor.architecture.resolution = descriptor.preprocess.width = descriptor.preprocess.height =
      64;
  WriteDescriptor(folder.Path("small.json"), descriptor);
  return folder.Path("small.json");
}

}  // namespace kinglet::testing
