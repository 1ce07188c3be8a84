// The commands on the command line, and the options that several of them have.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "apps/cli/pictures.h"

namespace kinglet::cli {

// A command on the command line, with what it calls when it was chosen.
struct Command {
  CLI::App* app = nullptr;
  std::function<Status()> run;
};

// In the order of --help. Options live as long as what is called.
std::vector<Command> AddPictureCommands(CLI::App& app);
std::vector<Command> AddNetworkCommands(CLI::App& app);
std::vector<Command> AddPrecisionCommands(CLI::App& app);
std::vector<Command> AddForesightCommands(CLI::App& app);
std::vector<Command> AddCharacterizeCommands(CLI::App& app);
std::vector<Command> AddProfileCommands(CLI::App& app);

// --json, --quiet, --verbose, and the example.
void AddOutputOptions(CLI::App& command, CommonOptions& options, const std::string& example);
// These and --threads.
void AddCommonOptions(CLI::App& command, CommonOptions& options, const std::string& example);
// Of commands that read a model.
void AddReadOptions(CLI::App& command, ModelOptions& options);
// Of commands that compile one as well.
void AddModelOptions(CLI::App& command, CommonOptions& options);
// Of commands that compile one in several precisions.
void AddComparedModelOptions(CLI::App& command, CommonOptions& options);
// --precision alone.
void AddPrecisionOption(CLI::App& command, CostOptions& options);
// --profile, of commands that run a network.
void AddProfileOption(CLI::App& command, std::string& profile);
// --predictor and --physical, of commands that predict times.
void AddPredictorOptions(CLI::App& command, PredictorOptions& options);
void AddShapeOption(CLI::App& command, std::vector<std::string>& shapes);
// MODEL|DESCRIPTOR: what every command that opens a network takes, with standard input or without.
void AddNetwork(CLI::App& command, std::string& network);
void AddNamedNetwork(CLI::App& command, std::string& network);
// --descriptor, of a model file; `more` goes on with what it says.
void AddDescriptorOption(CLI::App& command, std::string& descriptor, const std::string& more = "");
// MODEL|DESCRIPTOR with lists of batch sizes and numbers of threads.
void AddPoints(CLI::App& command, std::string& network, std::string& batch, std::string& threads);
// Pictures with what is drawn on copies of them: `what`.
void AddPictureOptions(CLI::App& command, PictureOptions& options, const std::string& what);
void AddMaxPixels(CLI::App& command, std::int64_t& max_pixels);
void AddTimeFlag(CLI::App& command, bool& time, const std::string& help);

// Numbers from 0 to 1; CLI::Range lets "nan" through.
CLI::Validator Fraction();

}  // namespace kinglet::cli
