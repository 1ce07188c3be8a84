// Runs a model whose input has free sizes at several of them: dynamic_sizes MODEL.onnx SIZE...
// Each SIZE takes the place of all sizes that the model leaves free: a batch, a height, a width.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "kinglet/model.h"
#include "kinglet/onnx.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: dynamic_sizes MODEL.onnx SIZE...\n");
    return 2;
  }
  try {
    const kinglet::Model model = kinglet::Model::Compile(kinglet::ReadOnnx(argv[1]));
    kinglet::Session session = model.NewSession();
    for (int i = 2; i < argc; ++i) {
      kinglet::InputShapes shapes;
      kinglet::Tensors inputs;
      for (const kinglet::TensorInfo& info : model.inputs()) {
        kinglet::Shape shape = info.shape;
        for (std::int64_t& size : shape) size = size < 0 ? std::atoll(argv[i]) : size;
        inputs.emplace(info.name, kinglet::Tensor(info.type, shape));
        shapes.emplace(info.name, shape);
      }
      // What a run at these sizes will take is known before it: the plan is made here, and kept.
      const kinglet::PlanInfo plan = model.Describe(shapes);
      std::printf("size %s: %lld multiply-adds, %zu bytes between steps;", argv[i],
                  static_cast<long long>(plan.macs), plan.arena_bytes);
      for (const auto& [name, tensor] : session.Run(inputs)) {
        std::printf(" %s %s", name.c_str(), kinglet::ShapeToString(tensor.shape()).c_str());
      }
      std::printf("\n");
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dynamic_sizes: %s\n", error.what());
    return 1;
  }
}
