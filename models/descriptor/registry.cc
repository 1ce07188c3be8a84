#include <algorithm>
#include <iterator>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "models/descriptor/embedded.h"

namespace kinglet {
namespace {

constexpr std::string_view kExtension = ".json";

struct Demo {
  std::string_view name, path;
};
constexpr Demo kDemos[] = {{"demo", "demo/demo.onnx"},
                           {"demo_int8", "demo/demo_int8.onnx"},
                           {"demo_detector", "demo_detector/demo_detector.onnx"},
                           {"demo_detector_int8", "demo_detector/demo_detector_int8.onnx"}};

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

bool IsDemo(std::string_view name) {
  return std::any_of(std::begin(kDemos), std::end(kDemos),
                     [&](const Demo& demo) { return demo.name == name; });
}

std::span<const std::byte> DemoBytes(std::string_view name) {
  for (const Demo& demo : kDemos) {
    if (demo.name == name) return BytesOf(demo.path);
  }
  return {};
}

}  // namespace kinglet
