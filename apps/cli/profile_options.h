// --profile: the settings that 'kinglet tune' found for a network, where nothing else is given.
#pragma once

#include <optional>
#include <string>

#include "apps/cli/cli.h"
#include "characterize/tune/profile_file.h"

namespace kinglet::cli {

// The profile of the options, for this network; none where there is no --profile. Its precision and
// its file of measured kernels become those of the options where they have none. Says when it is of
// another machine. Throws Error(kInvalidInput) for a profile of another network, and as ReadProfile
// and OpenNetwork do.
std::optional<characterize::Profile> TakeProfile(const std::string& network,
                                                 CommonOptions& options);

// For commands that run pictures one by one: threads as well, and a note on what it has for
// several.
void TakeProfileOfOne(const std::string& network, CommonOptions& options);

}  // namespace kinglet::cli
