// Runs one model in several threads, as a server would: threads MODEL.onnx COUNT
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "kinglet/model.h"
#include "kinglet/onnx.h"

namespace {

// Each thread has a session of its own: a session owns the memory of a run. Weights and plans are
// the model's and are there once.
std::string Work(const kinglet::Model& model) {
  try {
    kinglet::Session session = model.NewSession({.threads = 1});
    kinglet::Tensors inputs;
    for (const kinglet::TensorInfo& info : model.inputs()) {
      kinglet::Shape shape = info.shape;
      for (std::int64_t& size : shape) size = size < 0 ? 1 : size;
      inputs.emplace(info.name, kinglet::Tensor(info.type, shape));
    }
    std::string text;
    for (int i = 0; i < 10; ++i) {
      for (const auto& [name, tensor] : session.Run(inputs)) {
        if (i == 9) text += name + ' ' + kinglet::ShapeToString(tensor.shape()) + ' ';
      }
    }
    return text;
  } catch (const std::exception& error) {
    return error.what();  // nothing may leave a thread
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc == 3 ? std::atoi(argv[2]) : 0;
  if (count < 1 || count > 64) {
    std::fprintf(stderr, "usage: threads MODEL.onnx COUNT\n");
    return 2;
  }
  try {
    const kinglet::Model model = kinglet::Model::Compile(kinglet::ReadOnnx(argv[1]));
    std::vector<std::string> answers(static_cast<std::size_t>(count));
    std::vector<std::thread> threads;
    for (std::string& answer : answers) {
      threads.emplace_back([&model, &answer] { answer = Work(model); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& answer : answers) std::printf("%s\n", answer.c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "threads: %s\n", error.what());
    return 1;
  }
}
