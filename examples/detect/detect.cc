// Finds things in pictures with an ONNX detector, and draws them:
//     detect MODEL.onnx DESCRIPTOR PICTURE [DRAWN.png]
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "kinglet/draw.h"
#include "kinglet/image.h"
#include "kinglet/pipeline.h"

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::fprintf(stderr, "usage: detect MODEL.onnx DESCRIPTOR PICTURE [DRAWN.png]\n");
    return 2;
  }
  try {
    // The descriptor says how pictures become the network's input and what its outputs mean: a name
    // that kinglet models lists, or a file.
    kinglet::Detector detector(argv[1], {.descriptor = argv[2]});
    kinglet::Image picture = kinglet::ReadImage(argv[3]);
    std::vector<kinglet::DrawnBox> boxes;
    for (const kinglet::Detection& d : detector.Detect(picture)) {
      const std::string label = detector.Label(d.index);
      std::printf("%-12s %.3f  %.1f %.1f %.1f %.1f\n", label.c_str(), static_cast<double>(d.score),
                  static_cast<double>(d.x1), static_cast<double>(d.y1), static_cast<double>(d.x2),
                  static_cast<double>(d.y2));
      boxes.push_back({d.x1, d.y1, d.x2, d.y2, label, d.index});
      boxes.back().points = d.landmarks;
    }
    if (argc == 5) {
      kinglet::DrawBoxes(picture, boxes);
      kinglet::WriteImage(argv[4], picture);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "detect: %s\n", error.what());
    return 1;
  }
}
