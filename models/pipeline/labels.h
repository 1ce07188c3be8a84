// Names of the classes that a network really has.
#pragma once

#include <string>
#include <vector>

#include "kinglet/descriptor.h"

namespace kinglet {

// The names of a classifier's classes: those in `file`, which have to fit, or the descriptor's,
// none when their number does not fit, with a note.
std::vector<std::string> ClassifierLabels(const std::string& network, const Descriptor& descriptor,
                                          const std::string& file, std::size_t classes,
                                          std::vector<std::string>& notes);

// The same for a detector. Where the number of names shows that the descriptor is wrong about the
// background, the network is right. `outputs` are those of a plan or of the model.
std::vector<std::string> DetectorLabels(const std::string& network, Descriptor& descriptor,
                                        const std::string& file,
                                        const std::vector<TensorInfo>& outputs,
                                        std::vector<std::string>& notes);

}  // namespace kinglet
