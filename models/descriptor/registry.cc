#include <algorithm>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "models/descriptor/embedded.h"

namespace kinglet {
namespace {

constexpr std::string_view kExtension = ".json";

std::span<const std::byte> BytesOf(std::string_view path) {
  const EmbeddedFile* file = FindEmbedded(path);
  return file == nullptr ? std::span<const std::byte>() : file->bytes();
}

}  // namespace

const EmbeddedFile* FindEmbedded(std::string_view path) {
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

std::vector<std::string> ListDescriptors() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (file.path.ends_with(kExtension)) {
      names.emplace_back(file.path.substr(0, file.path.size() - kExtension.size()));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool HasDescriptor(std::string_view name) {
  return FindEmbedded(std::string(name) + std::string(kExtension)) != nullptr;
}

Descriptor FindDescriptor(std::string_view name) {
  const std::string path = std::string(name) + std::string(kExtension);
  const EmbeddedFile* file = FindEmbedded(path);
  if (file == nullptr) {
    std::string names;
    for (const std::string& known : ListDescriptors()) names += (names.empty() ? "" : ", ") + known;
    throw Error(ErrorCode::kInvalidInput,
                "there is no descriptor '" + std::string(name) + "'; there are " + names);
  }
  return ParseDescriptor(file->text(), path);
}

std::span<const std::byte> DemoModelBytes() { return BytesOf("demo/demo.onnx"); }

std::span<const std::byte> DemoDetectorBytes() {
  return BytesOf("demo_detector/demo_detector.onnx");
}

}  // namespace kinglet
