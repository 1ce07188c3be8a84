// Which operators the engine has.
#pragma once

#include <string>
#include <vector>

namespace kinglet {

struct OperatorSupport {
  std::string name;    // "Conv"
  std::string domain;  // "" for ONNX's own
  int since = 0;       // opset versions, both included
  int until = 0;
  std::vector<std::string> attributes;  // names of those that are known
  std::string types;                    // element types: "float32, int64"
};

// Every operator of the registry, sorted by name.
std::vector<OperatorSupport> SupportedOperators();

}  // namespace kinglet
