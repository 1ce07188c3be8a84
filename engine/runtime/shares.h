// Which share of the peak each kind of operations reaches, measured by kernels whose data is in
// cache.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/runtime/probe.h"
#include "kernels/common/machine_model.h"
#include "kernels/conv/conv.h"
#include "kinglet/tuning.h"

namespace kinglet {

// "peaks.int8.dot": what a figure of Calibration is called.
std::string PeakName(kernels::ElementType type, kernels::InstructionFamily family);

// Kernels with their memory, each at some sizes.
class KernelSamples {
 public:
  KernelSamples();
  ~KernelSamples();

  // Seconds of each: "depthwise 128x28x28_k3".
  Probes probes() const;
  // What each of them does, on one thread.
  std::map<std::string, kernels::Work> works() const;

  // Of what those probes found: shares of the peak, by the names of kernels::kWorkKindNames; the
  // share that each size reaches, among `more`; and the peaks of other types and instructions than
  // vectors of float32: what their kernels reach, divided by the share that those of float32 reach.
  // What cannot be measured here stays unset. `calibration` has the peak of float32 vectors and the
  // bandwidths.
  void Set(const Calibration::Figures& found, Calibration& calibration) const;

 private:
  struct Sample;
  struct Group;
  struct Peak;

  void AddConvs(kernels::WorkKind kind, std::optional<kernels::WorkKind> other, const char* id,
                const std::vector<kernels::ConvShape>& shapes);
  void AddActivations();
  void AddProducts();
  void AddPools(bool maximum);
  void AddPeaks();

  std::vector<Group> groups_;
  std::vector<Peak> peaks_;
};

}  // namespace kinglet
