#include "kinglet/npy.h"

#include "converters/common/mapped_file.h"
#include "converters/npy/npy_format.h"
#include "kinglet/file.h"

namespace kinglet {

Tensor ReadNpy(const std::string& path) {
  const std::string source = converters::Printable(path);
  const converters::Place place(source);
  const auto file = converters::MappedFile::Open(path, place);
  return converters::ParseNpy(file->bytes(), place);
}

void WriteNpy(const std::string& path, const Tensor& tensor) {
  const std::string source = converters::Printable(path);
  const converters::Place place(source);
  const std::string header = converters::NpyHeader(tensor, place);
  const std::string_view elements(static_cast<const char*>(tensor.raw()), tensor.bytes());
  const std::string_view parts[] = {header, elements};
  WriteFile(path, parts);
}

}  // namespace kinglet
