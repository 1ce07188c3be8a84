// Errors of Kinglet: one exception type with a code and a one-line message.
#pragma once

#include <stdexcept>
#include <string>

namespace kinglet {

enum class ErrorCode {
  kInvalidModel,  // the model is malformed or contradicts itself
  kUnsupported,   // the model is valid, but uses something that Kinglet does not have
  kInvalidInput,  // a tensor, picture or argument given by the caller does not fit
  kIo,            // a file cannot be read or written
  kResource,      // a limit on memory, size or count is exceeded
};

// Thrown by readers, shape inference, passes, the planner, and by Session::Run while it checks its
// inputs or when a step of the graph met wrong data. The message is one line and says what is
// wrong, where, what was expected and found, and what can be done.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

// "invalid model", "unsupported", "invalid input", "i/o", "resource".
const char* ErrorCodeName(ErrorCode code) noexcept;

}  // namespace kinglet
