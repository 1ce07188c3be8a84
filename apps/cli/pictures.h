// Pictures named on the command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kinglet/image.h"

namespace kinglet::cli {

struct PictureList {
  std::vector<std::string> paths;     // in the order of the command line, folders sorted by name
  std::vector<std::string> failures;  // one message for each argument that gave none
};

// Files as they are; of a folder every file in it (not below it) whose name ends like a picture's.
PictureList ListPictures(const std::vector<std::string>& arguments);

struct Picture {
  std::size_t index;  // in the list
  const std::string& path;
  Image image;
  double decode_ms;
};

// Reads each of the pictures and calls `body`, with a progress bar; prints what is wrong with one,
// the file's name and the option where a limit is what stopped it, and goes on. Returns how many
// were done.
std::size_t ForEachPicture(const std::vector<std::string>& paths, std::int64_t max_pixels,
                           bool progress_bar, const std::function<void(const Picture&)>& body);

}  // namespace kinglet::cli
