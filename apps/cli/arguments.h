// From the command line to the options of a command.
#pragma once

#include <functional>

#include "apps/cli/cli.h"

namespace kinglet::cli {

// What the command line asks for, ready to be called: a command, or text for --help and --version.
// Throws UsageError, also where the environment asks a command for instructions that are not there.
std::function<Status()> ParseArguments(int argc, const char* const* argv);

}  // namespace kinglet::cli
