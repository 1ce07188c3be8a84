// Tensors in NumPy's .npy files.
#pragma once

#include <string>

#include "kinglet/tensor.h"

namespace kinglet {

// Reads the array in the file, copied: float64/32/16, integers of 8 to 64 bits and bool, in C order
// and little-endian, of format version 1 to 3. Throws Error(kIo) when the file cannot be read and
// Error(kInvalidInput) when it is malformed, holds another kind of array (objects, structures,
// strings, complex numbers, Fortran order, big-endian) or another number of bytes than its shape
// needs. The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
Tensor ReadNpy(const std::string& path);

// Writes `tensor` under a temporary name in the same folder and renames it, so that `path` is never
// half a file. Throws Error(kIo) when that fails, Error(kInvalidInput) for a type that NumPy does
// not have (bfloat16) or an undefined tensor.
void WriteNpy(const std::string& path, const Tensor& tensor);

}  // namespace kinglet
