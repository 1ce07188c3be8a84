// The commands about what networks take before they run, and the options of each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/cli.h"

namespace kinglet::cli {

struct GenerateOptions {
  CommonOptions common;
  std::string space;
  std::size_t count = 10;
  std::uint64_t seed = 1;
  int size = 0;  // 0: drawn, or the space's own; so are the next two
  int width = 0;
  int classes = 0;
  std::string output;  // folder
};

struct PredictOptions {
  CommonOptions common;  // its threads are not used
  std::string network;
  std::string batch;                // lists, as ParseNumberList reads them; "": not given
  std::string threads;              // "": the CPUs that this process may use
  std::string instances;            // "": 1
  std::vector<std::string> shapes;  // as ShapeOptions
  std::string machine;              // calibration file of another machine; "": this one
  PredictorOptions predictor;
  std::string latency;  // "50ms"; "": no bound
  std::string memory;   // "500MB"; "": no bound
  bool layers = false;
};

constexpr int kMaxMeasuredBatch = 1024;

struct MeasureCommandOptions {
  CommonOptions common;               // its threads are not used
  std::vector<std::string> networks;  // and folders of them
  std::string batch = "1,2,4,8,16,32";
  std::string threads;  // list; "": the CPUs that this process may use
  double seconds = 4;   // for each network
  double most_ms = 2000;
  int time_limit = 120;  // seconds, of each network's process
  int candidates = 1;    // of each choice among kernels, that are timed
  std::string family;    // "": by the networks' names
  std::string shard;     // "2/8"; "": all
  std::string output;
  bool network = false;  // measures the first one in this process
};

struct DatasetOptions {
  CommonOptions common;
  std::string action;  // "info", "merge", "split"
  std::vector<std::string> files, outputs;
  double share = 0.2;  // of the networks, that split puts into the second one
  std::uint64_t seed = 1;
};

struct FitOptions {
  CommonOptions common;
  std::string dataset;
  std::string output;
  std::string report;  // folder; "": none
  std::string note;    // kept in the predictor
  int folds = 6;
  int rounds = 200;
  int depth = 5;
  std::uint64_t seed = 1;
  bool no_curve = false;
};

struct ScoreOptions {
  CommonOptions common;
  std::string dataset;
  std::string predictor;  // file; "": the built-in one
  std::string learned;    // dataset; "": no proxies
  std::string report;     // folder; "": none
};

Status GenerateCommand(const GenerateOptions& options);
Status PredictCommand(const PredictOptions& options);
Status MeasureCommand(const MeasureCommandOptions& options);
Status DatasetCommand(const DatasetOptions& options);
Status FitCommand(const FitOptions& options);
Status ScoreCommand(const ScoreOptions& options);

}  // namespace kinglet::cli
