// The domain of ONNX Runtime's own operators, of which it writes what its optimisation fuses.
#pragma once

#include <string_view>

namespace kinglet {

inline constexpr std::string_view kContribDomain = "com.microsoft";
inline constexpr int kContribOpset = 1;

}  // namespace kinglet
