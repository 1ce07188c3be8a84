// Pictures named on the command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "kinglet/image.h"

namespace kinglet::cli {

// Options of the commands that take pictures one by one.
struct PictureOptions {
  std::vector<std::string> images;
  bool recursive = false;
  std::int64_t max_pixels = ImageLimits().max_pixels;
  std::string output;  // folder for drawn copies; "": none
  bool time = false;   // warm times: each picture goes through several times
};

struct PictureList {
  std::vector<std::string> paths;     // in the order of the command line, folders sorted by name
  std::vector<std::string> failures;  // one message for each argument that gave none
  std::string passed_over;            // of the folders: "2 .heic, 1 .tiff"; "": nothing
};

// Files and "-" (standard input) as they are; of a folder every file in it, with `recursive` also
// below it, whose name ends like a picture's. Links to folders, pipes and devices in a folder are
// left alone.
PictureList ListPictures(const std::vector<std::string>& arguments, bool recursive = false);

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

// The same for what the options name. Says first which arguments gave none, and at the end what was
// passed over in folders.
Status ForEachPicture(const PictureOptions& options, const PictureList& list,
                      const CommonOptions& common, const std::function<void(const Picture&)>& body);

}  // namespace kinglet::cli
