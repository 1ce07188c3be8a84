// Pictures named on the command line.
#pragma once

#include <string>
#include <vector>

namespace kinglet::cli {

struct PictureList {
  std::vector<std::string> paths;     // in the order of the command line, folders sorted by name
  std::vector<std::string> failures;  // one message for each argument that gave none
};

// Files as they are; of a folder every file in it (not below it) whose name ends like a picture's.
PictureList ListPictures(const std::vector<std::string>& arguments);

}  // namespace kinglet::cli
