// Any bytes as an .npy file: a tensor whose header can be written and read back, or an Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "converters/npy/npy_format.h"
#include "kinglet/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const kinglet::converters::Place place("fuzz.npy");
  kinglet::Tensor tensor;
  try {
    tensor = kinglet::converters::ParseNpy({reinterpret_cast<const char*>(data), size}, place);
  } catch (const kinglet::Error&) {
    return 0;
  }
  std::string bytes = kinglet::converters::NpyHeader(tensor, place);
  bytes.append(static_cast<const char*>(tensor.raw()), tensor.bytes());
  const kinglet::Tensor again = kinglet::converters::ParseNpy(bytes, place);
  if (again.shape() != tensor.shape() || again.type() != tensor.type()) __builtin_trap();
  return 0;
}
