// One function for each command, in a file of its own, and its options.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "apps/cli/network.h"
#include "kinglet/image.h"

namespace kinglet::cli {

struct ClassifyOptions {
  CommonOptions common;
  NetworkOptions network;
  int top = 5;
  std::int64_t max_pixels = ImageLimits().max_pixels;
  std::vector<std::string> images;
};

struct RunOptions {
  CommonOptions common;
  std::string model;
  std::vector<std::string> inputs;  // NAME=FILE
  std::string output_dir;
};

struct InfoOptions {
  CommonOptions common;
  std::string network;
  int batch = 0;                    // 0: not given
  std::vector<std::string> shapes;  // NAME=1x3x224x224
  bool kernels = false;
};

struct DescribeOptions {
  CommonOptions common;
  std::string model;
  std::string output;
};

Status ClassifyCommand(const ClassifyOptions& options);
Status RunCommand(const RunOptions& options);
Status InfoCommand(const InfoOptions& options);
Status DescribeCommand(const DescribeOptions& options);
Status ModelsCommand(const CommonOptions& options);
Status OpsCommand(const CommonOptions& options);

}  // namespace kinglet::cli
