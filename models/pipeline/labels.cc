#include "models/pipeline/labels.h"

#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "kinglet/labels.h"

namespace kinglet {
namespace {

bool NamesBackground(const std::string& name) {
  return name == "background" || name == "__background__" || name == "???";
}

std::string ShownByNumber(const std::string& network, std::size_t classes,
                          const std::string& source, std::size_t names) {
  return network + " has " + std::to_string(classes) + " classes and '" + source + "' " +
         std::to_string(names) + " names: classes are shown by number";
}

}  // namespace

std::vector<std::string> ClassifierLabels(const std::string& network, const Descriptor& descriptor,
                                          const std::string& file, std::size_t classes,
                                          std::vector<std::string>& notes) {
  if (!file.empty()) return FitLabels(ReadLabels(file), classes, file);
  const std::vector<std::string> names = DescriptorLabels(descriptor);
  if (names.empty() || names.size() == classes || names.size() + 1 == classes) {
    return FitLabels(names, classes, descriptor.labels);
  }
  notes.push_back(ShownByNumber(network, classes, descriptor.labels, names.size()));
  return {};
}

std::vector<std::string> DetectorLabels(const std::string& network, Descriptor& descriptor,
                                        const std::string& file,
                                        const std::vector<TensorInfo>& outputs,
                                        std::vector<std::string>& notes) {
  const std::string& source = file.empty() ? descriptor.labels : file;
  std::vector<std::string> names = file.empty() ? DescriptorLabels(descriptor) : ReadLabels(file);
  Background& background = descriptor.detection.background;
  const std::size_t classes = CountDetectorClasses(descriptor, outputs);
  if (background != Background::kNone && !names.empty() && NamesBackground(names.front())) {
    names.erase(names.begin());
  }
  if (names.empty() || classes == 0 || names.size() == classes) return names;
  if (background != Background::kNone && names.size() == classes + 1) {
    background = Background::kNone;
    notes.push_back(network + ": as many scores as '" + source +
                    "' has names: none of them is taken for the background");
  } else if (background == Background::kNone && names.size() + 1 == classes) {
    background = Background::kFirst;
    notes.push_back(network + ": one score more than '" + source +
                    "' has names: the first is taken for the background");
  } else if (!file.empty()) {
    throw Error(ErrorCode::kInvalidInput, source + ": expected " + std::to_string(classes) +
                                              " class names, as the network has classes, found " +
                                              std::to_string(names.size()));
  } else {
    notes.push_back(ShownByNumber(network, classes, source, names.size()));
    return {};
  }
  return names;
}

}  // namespace kinglet
