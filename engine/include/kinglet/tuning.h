// What kernels are chosen by: figures of this machine, measured once, and measured times of
// kernels. Neither is ever measured on the way of a request.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>

namespace kinglet {

// Figures of this machine under the active instruction set.
struct Calibration {
  using Figures = std::map<std::string, double, std::less<>>;  // by name

  int threads = 1;  // of the figures "of all threads"
  // Operations per second, in 1e9, of one core, a multiply-add being two: by element type
  // ("float32") and instructions ("vector", "dot", "matrix"). Those of float32 vectors are there.
  std::map<std::string, Figures, std::less<>> peaks;
  double l3_bytes = 0;  // of the shared cache, what stays there for some milliseconds
  double l2_gbps = 0;   // of one core
  double l3_gbps = 0;   // of one core, and of all threads together
  double l3_all_gbps = 0;
  double dram_gbps = 0;
  double dram_all_gbps = 0;
  // The share of the peak that each kind of operations ("tile") reaches with its data in cache.
  Figures share_of_peak;
};

// Measures them, on one thread and on all that this process may use. Takes a few seconds.
Calibration Calibrate(
    const std::function<void(std::size_t done, std::size_t total)>& progress = {});

// Keeps them in a file ("": in the user's cache folder). Throws Error(kIo).
void SaveCalibration(const Calibration& calibration, const std::string& file = "");

// Where both are kept unless said otherwise: kinglet/ in $XDG_CACHE_HOME, else in $HOME/.cache; ""
// when neither is set. The names tell CPU, instruction set and version of Kinglet.
std::string DefaultCalibrationFile();
std::string DefaultTuningFile();

struct TuneOptions {
  int threads = 0;      // of the sessions that it is for; 0: the model's
  int candidates = 4;   // of each choice, the best ones by the cost model
  int repetitions = 9;  // of each, in turns; the fastest counts
  double seconds = 60;  // after which no further repetitions begin
  std::function<void(std::size_t done, std::size_t total)> progress;
};

struct TuneReport {
  std::size_t choices = 0;  // different ones that were measured
  std::size_t changed = 0;  // of them, those whose kernel is another one now
};

}  // namespace kinglet
