#include "apps/cli/cli.h"

#include <cstdio>

#include "apps/cli/input_file.h"
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

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 32 || byte == 127) {
      constexpr char kDigits[] = "0123456789abcdef";
      line += "\\x";
      line += kDigits[byte >> 4];
      line += kDigits[byte & 15];
    } else {
      line += c;
    }
  }
  return line;
}

void PrintError(std::string_view message) {
  Progress::Hide();
  const std::string line = "kinglet: " + OneLine(WithShownNames(message)) + '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void PrintNote(const CommonOptions& options, std::string_view message) {
  if (!options.quiet) PrintError(message);
}

void PrintDetail(const CommonOptions& options, std::string_view message) {
  if (options.verbose) PrintError(message);
}

double Timer::ms() const {
  const std::chrono::duration<double, std::milli> passed =
      std::chrono::steady_clock::now() - start_;
  return passed.count();
}

}  // namespace kinglet::cli
