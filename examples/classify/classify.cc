// Classifies a picture with an ONNX network: classify MODEL.onnx PICTURE [DESCRIPTOR]
#include <cstdio>
#include <exception>

#include "kinglet/network.h"
#include "kinglet/pipeline.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: classify MODEL.onnx PICTURE [DESCRIPTOR]\n");
    return 2;
  }
  try {
    // How the picture becomes numbers, and what the classes are called, is not in the model. A
    // descriptor says it: a name that kinglet models lists, a file, or MODEL.json beside the model.
    kinglet::PipelineOptions options;
    if (argc == 4) {
      options.descriptor = argv[3];
    } else if (!kinglet::DescriptorBeside(argv[1])) {
      // What most classifiers of today are trained with; ImageNet's names where it has 1000
      // classes.
      options.preprocess = "torch";
    }
    kinglet::Classifier classifier(argv[1], options);
    for (const std::string& note : classifier.notes()) std::fprintf(stderr, "%s\n", note.c_str());
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
