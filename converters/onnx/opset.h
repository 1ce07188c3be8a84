// Versions of the format and of operator sets: which are known, and what is said of newer ones.
#pragma once

#include <cstdint>
#include <string_view>

#include "converters/onnx/context.h"

namespace kinglet::converters {

// Throws Error(kInvalidModel) for 0, which no model has; notes a version that is newer than known.
void CheckIrVersion(std::int64_t version, Context& context, const Place& place);

// Adds what an OperatorSetIdProto says; notes a version of ONNX's own operators that is newer than
// known. Throws Error(kInvalidModel) for a version that cannot be, or a second one of a domain,
// Error(kUnsupported) for another version of Kinglet's own domain.
void ReadOpsetImport(std::string_view proto, Opsets& opsets, Context& context, const Place& place);

}  // namespace kinglet::converters
