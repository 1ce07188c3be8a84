// What all commands share: options, exit statuses, messages.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "kinglet/error.h"

namespace kinglet::cli {

enum class Status : int {
  kDone = 0,
  kInputFailed = 1,  // at least one picture or input file; the others were done
  kUsage = 2,
  kBadModel = 3,  // malformed or not supported
  kIo = 4,        // files, memory, limits
};

// The one table from errors to exit statuses, for everything but pictures and input files.
Status StatusOf(ErrorCode code);

// A mistake in the command line.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A network whose answers are none that its descriptor tells of, whatever the picture.
class WrongModel : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What kernels are chosen by.
struct CostOptions {
  std::string calibration;  // files; "": those of the cache folder
  std::string tuning;
  bool no_cache = false;
  bool no_winograd = false;
  bool deterministic = false;
  bool tune = false;
  std::string precision;  // "": as the model says
  std::string verdicts;   // file of checks; "": that of the cache folder
};

// What is read of models, and how large they may be; not given: the library's own limits.
struct ModelOptions {
  std::vector<std::string> data_folders;
  std::optional<std::uint64_t> max_tensor_bytes;
  std::optional<std::uint64_t> max_model_bytes;  // of all constants together
  std::optional<std::uint64_t> max_arena_bytes;
  std::optional<std::uint64_t> max_scratch_bytes;
};

// What predicted times come from.
struct PredictorOptions {
  std::string file;       // "": the built-in one
  bool physical = false;  // no predictor at all
};

// Options of every command.
struct CommonOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  int threads = 0;      // 0: DefaultThreads()
  std::string profile;  // file that 'kinglet tune' wrote; "": none
  CostOptions costs;
  ModelOptions model;
};

// The text in one line that a terminal shows as it is: control characters become \xNN.
std::string OneLine(std::string_view text);

// "kinglet: <message>" in one line on stderr.
void PrintError(std::string_view message);
// The same, unless --quiet.
void PrintNote(const CommonOptions& options, std::string_view message);
// The same, with --verbose.
void PrintDetail(const CommonOptions& options, std::string_view message);

// Milliseconds since it was made.
class Timer {
 public:
  double ms() const;

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace kinglet::cli
