// Classifies a picture with an ONNX network: classify MODEL.onnx PICTURE [DESCRIPTOR]
#include <cstdio>
#include <exception>

#include "kinglet/pipeline.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: classify MODEL.onnx PICTURE [DESCRIPTOR]\n");
    return 2;
  }
  try {
    // How the picture becomes numbers, and what the classes are called: here as the built-in
    // network has it, unless the caller names a descriptor (a name that kinglet models lists, or a
    // file).
    kinglet::Classifier classifier(argv[1], {.descriptor = argc == 4 ? argv[3] : "demo"});
    for (const kinglet::ClassScore& top : classifier.Classify(argv[2], 3)) {
      std::printf("%-12s %.3f\n", classifier.Label(top.index).c_str(),
                  static_cast<double>(top.score));
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 1;
  }
}
