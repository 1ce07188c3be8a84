// How a network is best run on a machine, as 'kinglet tune' found it and other commands load it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "characterize/tune/search.h"
#include "measure/common/machine.h"

namespace kinglet::characterize {

// Of the file. It changes when a key changes its meaning or goes; new keys leave it.
inline constexpr int kProfileFormat = 1;

struct Profile {
  std::string network_key{};  // GraphKey (kinglet/verdict.h)
  // How to run it; precision "": as the model says, tuning "": by the kernels of the cache folder,
  // if any.
  SweepKey key{};
  std::vector<std::string> shapes{};  // as ShapeOptions
  std::string descriptor{};           // name or file; "": the network's own, or the one beside it
  Bound bound{};                      // that it holds
  double rate = 0;                    // images per second that it was chosen for; 0: closed loop
  Latency latency{};                  // as measured: percentiles, mean and runs
  double images_per_s = 0;
  double peak_rss_mb = 0;
  measure::Machine machine{};
};

// A JSON document.
std::string ProfileText(const Profile& profile);

// Writes it, with files that it names as they are seen from its folder. Throws Error(kIo).
void WriteProfile(const std::string& path, Profile profile);

// Throws Error(kInvalidInput) that names `source` for what is malformed, and for another format.
Profile ParseProfile(std::string_view text, const std::string& source);

// The profile, with files that it names as they are seen from here. Throws as ParseProfile does,
// and Error(kIo, kResource) for a file that cannot be read or is too large for a profile.
Profile ReadProfile(const std::string& path);

}  // namespace kinglet::characterize
