// The bytes of .npy files.
#pragma once

#include <string>
#include <string_view>

#include "converters/common/place.h"
#include "kinglet/tensor.h"

namespace kinglet::converters {

// The array in the bytes of a whole file, copied. Throws Error(kInvalidInput).
Tensor ParseNpy(std::string_view bytes, const Place& place);

// What precedes the elements in a file: magic, version, and the header, padded to 64 bytes. Throws
// Error(kInvalidInput) for a type that NumPy does not have.
std::string NpyHeader(const Tensor& tensor, const Place& place);

}  // namespace kinglet::converters
