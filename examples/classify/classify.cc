// Classifies a picture with an ONNX network: classify MODEL.onnx PICTURE
#include "kinglet/classify.h"

#include <cstdio>
#include <exception>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "kinglet/image.h"
#include "kinglet/labels.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "kinglet/preprocess.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: classify MODEL.onnx PICTURE\n");
    return 2;
  }
  try {
    // How the picture becomes numbers: here as the built-in network wants it.
    const kinglet::Descriptor descriptor = kinglet::FindDescriptor("demo");
    const kinglet::Tensor picture =
        kinglet::Preprocess(kinglet::ReadImage(argv[2]), descriptor.preprocess);

    const kinglet::Model model = kinglet::Model::Compile(kinglet::ReadOnnx(argv[1]));
    kinglet::Session session = model.NewSession();
    const kinglet::Tensors& outputs = session.Run({{model.inputs()[0].name, picture}});

    const kinglet::Tensor& scores = outputs.begin()->second;
    const std::vector<std::vector<float>> rows =
        kinglet::ClassScores(scores, kinglet::ScoreActivation::kNone);
    const std::vector<std::string> labels =
        kinglet::FitLabels(kinglet::DescriptorLabels(descriptor), rows[0].size(), argv[1]);
    for (const kinglet::ClassScore& top : kinglet::TopScores(rows[0], 3)) {
      std::printf("%-12s %.3f\n", labels[top.index].c_str(), static_cast<double>(top.score));
    }
    return 0;
  } catch (const kinglet::Error& error) {
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 1;
  }
}
