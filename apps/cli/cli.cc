#include "apps/cli/cli.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>

#include "apps/cli/progress.h"

namespace kinglet::cli {

Status StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidModel:
    case ErrorCode::kUnsupported:
      return Status::kBadModel;
    case ErrorCode::kInvalidInput:
      return Status::kUsage;
    case ErrorCode::kIo:
    case ErrorCode::kResource:
      return Status::kIo;
  }
  return Status::kIo;
}

void AddCommonOptions(CLI::App& command, CommonOptions& options, const std::string& example) {
  constexpr int kMaxThreads = 1024;
  command.add_flag("--json", options.json, "Print JSON instead of tables");
  command.add_flag("--quiet,-q", options.quiet, "Print results and errors only");
  command
      .add_option("--threads,-j", options.threads,
                  "Threads to use (default: the CPUs that this process may use)")
      ->check(CLI::Range(1, kMaxThreads))
      ->option_text("N");
  command.footer("Example:\n  " + example + "\n");
}

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 32 || byte == 127) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

void PrintError(std::string_view message) {
  Progress::Hide();
  const std::string line = fmt::format("kinglet: {}\n", OneLine(message));
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void PrintNote(const CommonOptions& options, std::string_view message) {
  if (!options.quiet) PrintError(message);
}

}  // namespace kinglet::cli
