// Errors about a picture: "name: what is wrong", in one line.
#pragma once

#include <sstream>
#include <string>

#include "kinglet/error.h"

namespace kinglet::vision {

template <typename... Parts>
[[noreturn]] void Fail(ErrorCode code, const std::string& name, const Parts&... parts) {
  std::ostringstream text;
  text << name << ": ";
  (text << ... << parts);
  throw Error(code, text.str());
}

// For files that are cut or contradict themselves.
template <typename... Parts>
[[noreturn]] void FailDamaged(const std::string& name, const Parts&... parts) {
  Fail(ErrorCode::kInvalidInput, name, parts..., "; the file is damaged");
}

}  // namespace kinglet::vision
