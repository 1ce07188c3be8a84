// What kernels are chosen by: figures of this machine, measured once, and measured times of
// kernels. Neither is ever measured on the way of a request.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>

namespace kinglet {

// Figures of this machine under the active instruction set; Calibrate (kinglet/calibrate.h)
// measures them.
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
  // To begin a step on one thread, and more where all threads meet behind it. 0: not measured, as
  // in files of before, and the second on one CPU: the built-in figure stays.
  double step_seconds = 0;
  double handover_seconds = 0;
  // The share of the peak that each kind of operations ("tile") reaches with its data in cache.
  Figures share_of_peak;

  // What kernels are not chosen by: "l1_gbps", "dram_latency_ns", "depthwise 128x28x28".
  Figures more;
  // How far the turns of a figure lay apart: between the quartiles, as a share of the median. By
  // the figure's name: "l2_gbps", "peaks.float32.vector", "share_of_peak.tile".
  Figures spread;
  // Figures that are not to be trusted, by the same names, and why: something else ran, or turns
  // differ.
  std::map<std::string, std::string, std::less<>> marks;
};

// All figures that were measured, by the names that spread and marks have.
Calibration::Figures AllFigures(const Calibration& calibration);

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
