// Which points a sweep has, and whether they can be measured at all.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "characterize/sweep/measure_points.h"

namespace kinglet::characterize {

// Every combination of these is a point. How instances run makes no difference to one of them.
struct SweepRequest {
  std::vector<std::string> networks{};         // as OpenNetwork takes them
  std::vector<std::string> precisions = {""};  // "": as the model says
  std::vector<int> batches = {0};              // 0: the network's own, or 1
  std::vector<int> threads = {1};
  std::vector<int> instances = {1};
  std::vector<InstanceKind> kinds = {InstanceKind::kThreads};
  double rate = 0;
};
inline constexpr std::size_t kMostPoints = 10'000;

// The points, network after network. Each network is compiled and planned for each of its points:
// throws what that throws, Error(kInvalidInput) for more than kMostPoints, and Error(kResource) for
// a point that needs more memory than there is. `notes`: what a person should know of the networks.
std::vector<SweepKey> PlanPoints(const SweepRequest& request, const Subject& subject,
                                 std::vector<std::string>& notes);

// Files among the networks with a hash of what is in them ("mobilenet.onnx", "5d3c..."): a sweep
// does not go on with another file of the same name. Throws Error(kIo).
std::vector<std::pair<std::string, std::string>> FilesOf(const std::vector<std::string>& networks);

}  // namespace kinglet::characterize
