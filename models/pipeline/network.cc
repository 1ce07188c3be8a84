#include "kinglet/network.h"

#include <filesystem>

#include "kinglet/error.h"

namespace kinglet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescriptorExtension = ".json";

bool IsFile(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool LooksLikePath(const std::string& name) {
  return name.find('/') != std::string::npos || fs::path(name).has_extension();
}

}  // namespace

NamedNetwork OpenNetwork(const std::string& name, const ReadOptions& options) {
  const bool is_json = fs::path(name).extension() == kDescriptorExtension;
  if (!is_json && (IsFile(name) || LooksLikePath(name))) {
    return {ReadOnnx(name, options), std::nullopt};
  }
  Descriptor descriptor = OpenDescriptor(name);
  if (IsDemo(name)) return {ReadOnnxBytes(DemoBytes(name), name), std::move(descriptor)};
  if (descriptor.architecture.family.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                name + ": the descriptor has no architecture to build; name the model file");
  }
  Graph graph = BuildArchitecture(descriptor.architecture);
  return {std::move(graph), std::move(descriptor)};
}

Descriptor OpenDescriptor(const std::string& name) {
  if (IsFile(name) && !HasDescriptor(name)) return ReadDescriptor(name);
  return LooksLikePath(name) ? ReadDescriptor(name) : FindDescriptor(name);
}

std::optional<Descriptor> DescriptorBeside(const std::string& model) {
  const std::string path = fs::path(model).replace_extension(kDescriptorExtension).string();
  if (path == model || !IsFile(path)) return std::nullopt;
  return ReadDescriptor(path);
}

std::string AnchorsBeside(const std::string& model) {
  std::string stem = fs::path(model).replace_extension().string();
  for (int i = 0; i < 2; ++i) {
    const std::string path = stem + ".anchors.json";
    if (IsFile(path)) return path;
    const std::size_t cut = stem.rfind('_');
    if (cut == stem.npos || stem.find('/', cut) != stem.npos) break;
    stem.resize(cut);
  }
  return "";
}

}  // namespace kinglet
