// Copies of pictures with something drawn on them.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "kinglet/image.h"

namespace kinglet::cli {

class DrawnCopies {
 public:
  // "" writes nothing. Otherwise the folder is made when missing; throws Error(kIo), and UsageError
  // when one of the sources lies in it: no picture is overwritten, whatever the names.
  DrawnCopies(std::string folder, const std::vector<std::string>& sources);

  bool wanted() const { return !folder_.empty(); }
  // Writes the picture under the file name of its source: as JPEG where that is one by name, as PNG
  // otherwise. Sources of the same name in several folders get numbers. Throws Error(kIo).
  void Write(const std::string& source, const Image& image);

 private:
  std::string folder_;
  std::set<std::string> names_;
};

}  // namespace kinglet::cli
