// A classifier on pixels that a program has already, prepared by the program itself:
//     preprocess MODEL.onnx PICTURE    for a network that takes 3 planes of (x - 127.5) / 127.5
#include <cstdio>
#include <stdexcept>

#include "kinglet/classify.h"
#include "kinglet/image.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"

namespace {

// Fills {1, 3, height, width} by the nearest pixel of each place. A camera's frame, or any other
// memory, could stand in place of the picture: Kinglet sees the tensor alone.
void Fill(const kinglet::Image& picture, kinglet::Tensor& input) {
  const auto height = static_cast<int>(input.shape()[2]);
  const auto width = static_cast<int>(input.shape()[3]);
  float* out = input.data<float>();
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < height; ++y) {
      const std::uint8_t* row = picture.row(y * picture.height / height);
      for (int x = 0; x < width; ++x) {
        *out++ = (static_cast<float>(row[x * picture.width / width * 3 + c]) - 127.5f) / 127.5f;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: preprocess MODEL.onnx PICTURE\n");
    return 2;
  }
  try {
    const kinglet::Model model = kinglet::Model::Compile(kinglet::ReadOnnx(argv[1]));
    const kinglet::TensorInfo info = model.inputs().front();
    kinglet::Shape shape = info.shape;
    if (shape.size() != 4 || shape[1] != 3 || shape[2] < 1 || shape[3] < 1) {
      throw std::runtime_error("expected an input Nx3xHxW of known size");
    }
    shape[0] = 1;
    kinglet::Tensor input(kinglet::DataType::kFloat32, shape);
    Fill(kinglet::ReadImage(argv[2]), input);
    kinglet::Session session = model.NewSession();
    const kinglet::Tensor scores = session.Run({{info.name, input}}).at(model.outputs()[0].name);
    for (const kinglet::ClassScore& top :
         kinglet::TopScores({scores.data<float>(), static_cast<std::size_t>(scores.size())}, 3)) {
      std::printf("class %zu %.3f\n", top.index, static_cast<double>(top.score));
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "preprocess: %s\n", error.what());
    return 1;
  }
}
