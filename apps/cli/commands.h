// One function for each command: adds it to the command line.
#pragma once

#include "apps/cli/cli.h"

namespace kinglet::cli {

Command AddClassify(CLI::App& app);
Command AddRun(CLI::App& app);
Command AddInfo(CLI::App& app);
Command AddDescribe(CLI::App& app);
Command AddModels(CLI::App& app);
Command AddOps(CLI::App& app);

}  // namespace kinglet::cli
