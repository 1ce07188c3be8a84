// FunctionProto: operators that a model defines itself, by nodes. The reader puts those in place of
// each call (inline_calls.cc), so that no graph has one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "converters/common/place.h"
#include "engine/graph/ir.h"

namespace kinglet::converters {

struct Context;
class GraphReader;

// Versions by domain, "" for ONNX's own.
using Opsets = std::map<std::string, int, std::less<>>;

struct Function {
  std::string_view domain, name, overload;
  std::string_view proto;

  // Seen at the first call.
  bool scanned = false;
  std::vector<std::string_view> inputs, outputs, nodes;
  // Declared ones, by name; the bytes of the default, empty where there is none.
  std::map<std::string_view, std::string_view> attributes;
  Opsets opsets;

  // "pkg.domain.Name".
  std::string Label() const;
};

// By domain, name and overload.
using Functions =
    std::map<std::tuple<std::string_view, std::string_view, std::string_view>, Function>;

// An attribute that a call gives: the bytes, and where they were written.
struct Call;
struct BoundAttribute {
  std::string_view proto;
  const Call* scope = nullptr;  // null: outside of all functions
};

// One call of a function while its nodes are put in its place.
struct Call {
  const Function* function = nullptr;
  const Call* caller = nullptr;  // the call within whose function this one stands; null for none
  const GraphReader* reader = nullptr;  // of the graph that the nodes go into
  std::string prefix;                   // of the names of nodes and values
  // Values of the reader's graph by their names in the function; kNoValue for an input that the
  // call leaves out.
  std::unordered_map<std::string_view, ValueId> ids;
  std::map<std::string_view, BoundAttribute> attributes;

  // A name of the function as the graph has it.
  std::string NameOf(std::string_view name) const;
};

// Adds the function of this message. Throws Error(kInvalidModel) where there is one of that name
// already.
void AddFunction(std::string_view proto, Context& context, const Place& place);

// The function that a node calls, scanned; null where the model defines none of that name. Throws
// Error as ReadOnnx does.
const Function* FindFunction(std::string_view domain, std::string_view name,
                             std::string_view overload, Context& context);

// Throws Error(kInvalidModel) where the function is being put in place already, naming the cycle,
// or calls within calls are too deep.
void CheckCallDepth(const Function& function, const Call* caller, const Context& context,
                    const Place& place);

}  // namespace kinglet::converters
