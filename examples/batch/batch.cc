// Classifies many pictures, several of them at a time: batch MODEL.onnx DESCRIPTOR PICTURE...
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "kinglet/pipeline.h"

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: batch MODEL.onnx DESCRIPTOR PICTURE...\n");
    return 2;
  }
  try {
    // Up to eight pictures go through the network together, where its batch is free.
    kinglet::Classifier classifier(argv[1], {.descriptor = argv[2], .batch = 8});
    const std::vector<std::string> pictures(argv + 3, argv + argc);
    const auto found = classifier.ClassifyAll(pictures, 1);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const kinglet::ClassScore& top = found[i].front();
      std::printf("%-12s %.3f  %s\n", classifier.Label(top.index).c_str(),
                  static_cast<double>(top.score), pictures[i].c_str());
    }
    const kinglet::StageTimes ms = classifier.times();
    std::fprintf(stderr, "%zu pictures: decode %.1f ms, preprocess %.1f ms, network %.1f ms\n",
                 pictures.size(), ms.decode, ms.preprocess, ms.network);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "batch: %s\n", error.what());
    return 1;
  }
}
