// Any bytes as a descriptor: an Error or a descriptor that survives being written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kinglet::Descriptor descriptor;
  try {
    descriptor = kinglet::ParseDescriptor(text, "fuzz.json");
  } catch (const kinglet::Error&) {
    return 0;
  }
  const std::string json = kinglet::DescriptorToJson(descriptor);
  const kinglet::Descriptor again = kinglet::ParseDescriptor(json, "fuzz.json");
  if (kinglet::DescriptorToJson(again) != json) std::abort();
  return 0;
}
