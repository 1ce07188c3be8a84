#include "kinglet/labels.h"

#include <algorithm>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "models/descriptor/embedded.h"
#include "models/descriptor/folder_file.h"
#include "models/files/files.h"

namespace kinglet {
namespace {

struct List {
  const char* name;
  const char* path;
};

constexpr List kLabelLists[] = {{"coco", "labels/coco_90.txt"},
                                {"coco80", "labels/coco_80.txt"},
                                {"demo", "demo/labels.txt"},
                                {"face", "labels/face.txt"},
                                {"imagenet", "labels/imagenet_1000.txt"},
                                {"voc", "labels/voc_20.txt"}};

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxLines = 100'000;
constexpr std::size_t kMaxLineBytes = 256;

[[noreturn]] void BadLine(const std::string& source, std::size_t number, const char* what) {
  throw Error(ErrorCode::kInvalidInput,
              source + ": line " + std::to_string(number) + ": a class name " + what);
}

void CheckLine(const std::string& source, std::string_view line, std::size_t number) {
  if (line.size() > kMaxLineBytes) BadLine(source, number, "of more than 256 bytes");
  if (std::any_of(line.begin(), line.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; })) {
    BadLine(source, number, "with control characters");
  }
}

std::vector<std::string> SplitLines(std::string_view text, const std::string& source) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    CheckLine(source, line, lines.size() + 1);
    if (lines.size() == kMaxLines) {
      throw Error(ErrorCode::kResource, source + ": more than " + std::to_string(kMaxLines) +
                                            " lines are too many for a list of class names");
    }
    lines.emplace_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

const List* FindList(std::string_view name) {
  for (const List& list : kLabelLists) {
    if (name == list.name) return &list;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> ListLabels() {
  std::vector<std::string> names;
  for (const List& list : kLabelLists) names.emplace_back(list.name);
  return names;
}

std::vector<std::string> NamedLabels(std::string_view name) {
  const List* list = FindList(name);
  const EmbeddedFile* file = list == nullptr ? nullptr : FindEmbedded(list->path);
  if (file == nullptr) {
    throw Error(ErrorCode::kInvalidInput, "there is no list of class names '" + std::string(name) +
                                              "'; there are coco, demo, face, imagenet, voc");
  }
  return SplitLines(file->text(), list->path);
}

std::vector<std::string> ReadLabels(const std::string& path) {
  return SplitLines(ReadTextFile(path, kMaxFileBytes, "a list of class names"), path);
}

std::vector<std::string> DescriptorLabels(const Descriptor& descriptor) {
  if (descriptor.labels.empty()) return {};
  if (FindList(descriptor.labels) != nullptr) return NamedLabels(descriptor.labels);
  return ReadLabels(PathInFolder(descriptor, descriptor.labels, "output.labels",
                                 "is no list of Kinglet's (coco, demo, face, imagenet, voc)",
                                 "--labels"));
}

std::vector<std::string> FitLabels(std::vector<std::string> names, std::size_t classes,
                                   const std::string& source) {
  if (names.empty() || names.size() == classes) return names;
  if (names.size() + 1 == classes) {
    names.insert(names.begin(), "background");
    return names;
  }
  throw Error(ErrorCode::kInvalidInput, source + ": expected " + std::to_string(classes) +
                                            " class names (or one fewer, without background), "
                                            "as the network has outputs, found " +
                                            std::to_string(names.size()));
}

}  // namespace kinglet
