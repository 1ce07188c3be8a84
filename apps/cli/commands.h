// One function for each command, in a file of its own, and its options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "apps/cli/network.h"
#include "apps/cli/pictures.h"
#include "kinglet/image.h"

namespace kinglet::cli {

struct ClassifyOptions {
  CommonOptions common;
  NetworkOptions network;
  PictureOptions pictures;
  int top = 5;
};

struct DetectOptions {
  CommonOptions common;
  NetworkOptions network;  // without a rule for the pixels
  PictureOptions pictures;
  DetectorOverrides overrides;
  std::string drawn_labels = "full";  // "none", "index", "full"
  int line_width = 0;                 // of drawn boxes, pixels; 0: by picture and box
};

struct EvaluateOptions {
  CommonOptions common;
  NetworkOptions network;
  std::string task;         // "classify", "detect"
  std::string dataset;      // folder
  std::string annotations;  // "": annotations.json in the dataset's folder
  std::string detections;   // a file instead of a network
  std::string output;       // file for the detections
  double threshold = 0.01;
  std::optional<double> iou;
  std::string nms;
  std::int64_t max_pixels = ImageLimits().max_pixels;
};

struct RunOptions {
  CommonOptions common;
  std::string model;
  std::vector<std::string> inputs;  // NAME=FILE
  std::string output_dir;
  bool time = false;  // runs several times
};

struct InfoOptions {
  CommonOptions common;
  std::string network;
  std::string batch;                // lists, as ParseNumberList reads them; "": not given
  std::string threads;              // "": the CPUs that this process may use
  std::vector<std::string> shapes;  // as ShapeOptions
  PredictorOptions predictor;
  bool kernels = false;
  bool measure = false;
  bool graph = false;    // in place of everything else
  bool as_read = false;  // the graph before it is optimised
  bool cpu = false;      // without a network
};

struct CalibrateOptions {
  CommonOptions common;
  std::string output;  // "": in the cache folder
  int turns = 11;      // of each figure
};

struct TuneCommandOptions {
  CommonOptions common;  // its threads are not used
  std::string network;
  std::string batch;                // lists, as ParseNumberList reads them; "": not given
  std::string threads;              // "": the CPUs that this process may use
  std::vector<std::string> shapes;  // as ShapeOptions
  std::string descriptor;           // of a model file; "": the one beside it
  std::string output;               // "": in the cache folder
  // Of the search for a way to run the network, which is done where there is a bound or a rate.
  std::optional<double> latency_ms;
  int percentile = 99;
  std::optional<std::uint64_t> memory_bytes;
  double rate = 0;        // images per second; 0: a closed loop
  std::string instances;  // a list; "": by the CPUs
  std::string kind;       // of them: "threads", "processes", "both"; "": threads
  std::string input;      // "random", or a folder of pictures; "": random
  double duration = 4;    // seconds of a point; four times that of the one that is chosen
  bool kernels = false;   // of the point that was chosen are measured, too

  bool has_bound() const { return latency_ms || memory_bytes || rate > 0; }
};

struct OptimiseCommandOptions {
  CommonOptions common;
  std::string network;
  std::string output;
};

struct QuantizeCommandOptions {
  CommonOptions common;
  NetworkOptions network;  // without labels and a rule for the pixels
  std::string anchors;     // file; "": the descriptor's, or the one beside the model
  PictureOptions pictures;
  std::string range = "mse";
  std::string budget = "3%";
  bool reduce_range = false;
  std::string output, report;
};

struct CheckCommandOptions {
  CommonOptions common;    // its precision is not used
  NetworkOptions network;  // without a rule for the pixels
  std::string anchors;     // file; "": the descriptor's, or the one beside the model
  PictureOptions pictures;
  std::string budget = "0.5%";
  std::string reference;  // model to compare with; "": this one
  std::string output;     // "": in the cache folder
};

struct DescribeOptions {
  CommonOptions common;
  std::string model;
  std::string output;
};

constexpr int kMaxBatch = 65536;
constexpr int kMaxThreads = 1024;
constexpr int kMaxInstances = 256;

struct BenchOptions {
  CommonOptions common;  // its threads are not used
  std::string network;
  std::string batch;                // lists, as ParseNumberList reads them; "": not given
  std::string threads;              // "": the CPUs that this process may use
  std::vector<std::string> shapes;  // as ShapeOptions
  std::string descriptor;           // of a model file; "": the one beside it
  std::string picture;              // for a detector; "": one that is drawn
  int repeat = 0;                   // 0: until the median is stable
  bool point = false;               // times the first point in this process
};

struct SweepCommandOptions {
  CommonOptions common;  // its threads and precision are not used
  std::vector<std::string> networks;
  std::string batch;             // lists, as ParseNumberList reads them; "": not given
  std::string threads;           // "": the CPUs that this process may use
  std::string instances;         // "": one
  std::string kind;              // "threads", "processes", "both"; "": threads
  std::string precision;         // list; "": as the model says
  std::string input = "random";  // or a folder of pictures
  double duration = 4;           // seconds of a point
  std::string within = "1%";     // half width of the median's confidence interval
  double rate = 0;               // batches per second; 0: a closed loop
  int seed = 1;
  std::vector<std::string> shapes;  // as ShapeOptions
  std::string descriptor;           // of a model file; "": the one beside it
  std::string output;               // folder
  bool restart = false;
  bool no_pictures = false;
  std::string turn;  // takes this one turn in this process
};

struct ExportOptions {
  CommonOptions common;
  std::string descriptor;
  std::string output;
};

Status ClassifyCommand(const ClassifyOptions& options);
Status DetectCommand(const DetectOptions& options);
Status EvaluateCommand(const EvaluateOptions& options);
Status RunCommand(const RunOptions& options);
Status InfoCommand(const InfoOptions& options);
// kinglet info --graph.
Status GraphCommand(const InfoOptions& options);
Status OptimiseCommand(const OptimiseCommandOptions& options);
Status CheckCommand(const CheckCommandOptions& options);
Status QuantizeCommand(const QuantizeCommandOptions& options);
Status BenchCommand(const BenchOptions& options);
Status CalibrateCommand(const CalibrateOptions& options);
Status TuneCommand(const TuneCommandOptions& options);
// kinglet tune with a bound or a rate.
Status TuneForBound(const TuneCommandOptions& options);
Status DescribeCommand(const DescribeOptions& options);
Status SweepCommand(const SweepCommandOptions& options);
Status ExportCommand(const ExportOptions& options);
Status ModelsCommand(const CommonOptions& options);
Status OpsCommand(const CommonOptions& options);

}  // namespace kinglet::cli
