#include <csignal>
#include <new>

#include "apps/cli/arguments.h"
#include "apps/cli/output.h"

namespace kinglet::cli {
namespace {

// Every error ends as one line and a status.
Status Guarded(int argc, char** argv) {
  try {
    return ParseArguments(argc, argv)();
  } catch (const UsageError& error) {
    PrintError(error.what());
    return Status::kUsage;
  } catch (const WrongModel& error) {
    PrintError(error.what());
    return Status::kBadModel;
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
  std::signal(SIGXFSZ, SIG_IGN);  // a file as large as one may be is an error like a full disk
  try {
    return static_cast<int>(kinglet::cli::Guarded(argc, argv));
  } catch (...) {
    return static_cast<int>(kinglet::cli::Status::kIo);
  }
}
