// Runs what README and docs tell to write, on files of the names that they use.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "kinglet/descriptor.h"
#include "kinglet/onnx.h"
#include "tests/pages/blocks.h"

namespace {

namespace fs = std::filesystem;

void Export(const char* descriptor, const char* file) {
  if (fs::exists(file)) return;
  kinglet::WriteOnnx(file,
                     kinglet::BuildArchitecture(kinglet::FindDescriptor(descriptor).architecture));
}

// usage: pages_tests SOURCE_DIR FOLDER
int Run(const fs::path& source, const fs::path& folder) {
  fs::create_directories(folder);
  fs::current_path(folder);
  std::error_code there;
  fs::create_directory_symlink(source / "models", "models", there);
  fs::copy_file(source / "models/demo_detector/images/garden.jpg", "photo.jpg",
                fs::copy_options::overwrite_existing);
  Export("mobilenet_v2", "mobilenet_v2.onnx");
  Export("ssd_mobilenet_v1", "ssd.onnx");
  for (const PageBlock& block : PageBlocks()) {
    std::printf("%s\n", block.place.c_str());
    block.run();
  }
  return PageBlocks().empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    return Run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
