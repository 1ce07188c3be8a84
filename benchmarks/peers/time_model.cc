// Times one ONNX file: time_model MODEL.onnx BATCH THREADS RUNS. One JSON object on stdout:
// the median and minimum of RUNS calls of Session::Run after three to warm up, in milliseconds, and
// the peak resident set of the process. Free sizes of inputs are BATCH first, else 224.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"

namespace {

kinglet::Tensors RandomInputs(const kinglet::Model& model, std::int64_t batch) {
  kinglet::Tensors inputs;
  for (const kinglet::TensorInfo& info : model.inputs()) {
    kinglet::Shape shape = info.shape;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] < 0) shape[d] = d == 0 ? batch : 224;
    }
    kinglet::Tensor tensor(info.type, shape);
    if (info.type == kinglet::DataType::kFloat32) {
      std::uint32_t state = 1;
      for (std::int64_t i = 0; i < tensor.size(); ++i) {
        state = state * 1664525U + 1013904223U;
        tensor.data<float>()[i] = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
      }
    }
    inputs[info.name] = tensor;
  }
  return inputs;
}

int Time(const char* path, std::int64_t batch, int threads, int runs) {
  const kinglet::Model model =
      kinglet::Model::Compile(kinglet::ReadOnnx(path), {.threads = threads});
  kinglet::Session session = model.NewSession();
  const kinglet::Tensors inputs = RandomInputs(model, batch);
  for (int i = 0; i < 3; ++i) session.Run(inputs);
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    session.Run(inputs);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    times.push_back(time.count());
  }
  std::sort(times.begin(), times.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"median_ms\": %.4f, \"min_ms\": %.4f, \"peak_rss_mb\": %.1f}\n",
              times[times.size() / 2], times[0], static_cast<double>(usage.ru_maxrss) / 1024.0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: time_model MODEL.onnx BATCH THREADS RUNS\n");
    return 2;
  }
  try {
    return Time(argv[1], std::max(std::atoll(argv[2]), 1LL), std::max(std::atoi(argv[3]), 1),
                std::max(std::atoi(argv[4]), 1));
  } catch (const kinglet::Error& error) {
    std::fprintf(stderr, "time_model: %s\n", error.what());
    return 3;
  }
}
