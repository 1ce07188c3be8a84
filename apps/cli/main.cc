#include <CLI/CLI.hpp>
#include <csignal>
#include <new>
#include <sstream>

#include "apps/cli/commands.h"
#include "apps/cli/output.h"

namespace kinglet::cli {
namespace {

// Help and version are output; everything else is one line on stderr.
Status ReportParse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    std::ostringstream text;
    std::ostringstream unused;
    app.exit(error, text, unused);
    Print(text.str());
    return Status::kDone;
  }
  const auto chosen = app.get_subcommands();
  const std::string command = chosen.empty() ? "" : " " + chosen.front()->get_name();
  PrintError(std::string(error.what()) + " (see kinglet" + command + " --help)");
  return Status::kUsage;
}

Status Dispatch(const std::vector<Command>& commands) {
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  throw UsageError("a command is missing (see kinglet --help)");
}

Status Main(int argc, char** argv) {
  CLI::App app("Runs convolutional networks on CPUs.", "kinglet");
  app.require_subcommand(1);
  app.set_version_flag("--version", "kinglet " KINGLET_VERSION);
  app.footer("Example:\n  kinglet classify photo.jpg\n");
  const std::vector<Command> commands = {AddClassify(app), AddRun(app),    AddInfo(app),
                                         AddDescribe(app), AddModels(app), AddOps(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ReportParse(app, error);
  }
  return Dispatch(commands);
}

Status Guarded(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (const UsageError& error) {
    PrintError(error.what());
    return Status::kUsage;
  } catch (const Error& error) {
    PrintError(error.what());
    return StatusOf(error.code());
  } catch (const PrintFailure& failure) {
    if (!failure.quiet()) PrintError(failure.what());
    return Status::kIo;
  } catch (const std::bad_alloc&) {
    PrintError("not enough memory");
    return Status::kIo;
  } catch (const std::exception& error) {
    PrintError(error.what());
    return Status::kIo;
  }
}

}  // namespace
}  // namespace kinglet::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return static_cast<int>(kinglet::cli::Guarded(argc, argv));
  } catch (...) {
    return static_cast<int>(kinglet::cli::Status::kIo);
  }
}
