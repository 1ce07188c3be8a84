#include "apps/cli/profile_options.h"

#include <fmt/format.h>

#include "apps/cli/network.h"
#include "kinglet/verdict.h"
#include "measure/common/machine.h"

namespace kinglet::cli {

std::optional<characterize::Profile> TakeProfile(const std::string& network,
                                                 CommonOptions& options) {
  if (options.profile.empty()) return std::nullopt;
  characterize::Profile profile = characterize::ReadProfile(options.profile);
  if (GraphKey(OpenNamed(network, options).graph) != profile.network_key) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{}: a profile of {}, and {} is another network: expected one that "
                            "'kinglet tune' made for it",
                            options.profile, profile.key.network, network));
  }
  const measure::Machine here = measure::ThisMachine();
  const measure::Machine& there = profile.machine;
  if (here.cpu != there.cpu || here.instruction_set != there.instruction_set ||
      here.cpus != there.cpus) {
    PrintNote(options, fmt::format("note: {} was made on another machine ({}, {} CPUs, {}); what "
                                   "is best here may be something else",
                                   options.profile, there.cpu, there.cpus, there.instruction_set));
  }
  if (options.costs.precision.empty()) options.costs.precision = profile.key.precision;
  if (options.costs.tuning.empty()) options.costs.tuning = profile.key.tuning;
  return profile;
}

void TakeProfileOfOne(const std::string& network, CommonOptions& options) {
  const std::optional<characterize::Profile> profile = TakeProfile(network, options);
  if (!profile) return;
  if (options.threads == 0) options.threads = profile->key.threads;
  if (profile->key.batch > 1 || profile->key.instances > 1) {
    PrintNote(options,
              fmt::format("note: pictures go through the network one by one; the batch ({}) "
                          "and the instances ({}) of the profile are for 'kinglet sweep'",
                          profile->key.batch, profile->key.instances));
  }
}

}  // namespace kinglet::cli
