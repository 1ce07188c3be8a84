// One function for each command, in a file of its own, and its options.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "apps/cli/network.h"
#include "apps/cli/shapes.h"
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
  ShapeOptions shapes;
  bool kernels = false;
};

struct DescribeOptions {
  CommonOptions common;
  std::string model;
  std::string output;
};

constexpr int kMaxBatch = 65536;
constexpr int kMaxThreads = 1024;

struct BenchOptions {
  CommonOptions common;  // its threads are not used
  std::string network;
  std::string batch = "1";          // lists, as ParseNumberList reads them
  std::string threads;              // "": the CPUs that this process may use
  std::vector<std::string> shapes;  // as ShapeOptions
  int repeat = 0;                   // 0: until the median is stable
  bool point = false;               // times the first point in this process
};

struct ExportOptions {
  CommonOptions common;
  std::string descriptor;
  std::string output;
};

Status ClassifyCommand(const ClassifyOptions& options);
Status RunCommand(const RunOptions& options);
Status InfoCommand(const InfoOptions& options);
Status BenchCommand(const BenchOptions& options);
Status DescribeCommand(const DescribeOptions& options);
Status ExportCommand(const ExportOptions& options);
Status ModelsCommand(const CommonOptions& options);
Status OpsCommand(const CommonOptions& options);

}  // namespace kinglet::cli
