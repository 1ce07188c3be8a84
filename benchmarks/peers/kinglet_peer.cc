// Kinglet's side of compare.py: one network at fixed shapes, run whenever somebody asks.
//
//     kinglet_peer MODEL.onnx THREADS {NAME 1x3x224x224 FILE}...
//
// FILE holds the elements of input NAME, float32. When it is ready, and then for each line on
// stdin, it prints one line of JSON:
//     run N         milliseconds of N runs: {"ms": [5.86, 5.91]}
//     outputs FILE  writes the outputs of the last run, float32 in the order of the network's
//                   outputs: {"elements": [1001]}
//     memory        {"peak_rss_mb": 84.1}
//     peak N        what N cores do at once, each in registers: {"gflops": 256.1}
// What goes wrong is {"error": "..."}.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "kernels/common/measure.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"

namespace {

using kinglet::Tensor;

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 32 ? ' ' : c;
  }
  return out;
}

void Answer(const std::string& json) {
  std::printf("%s\n", json.c_str());
  std::fflush(stdout);
}

kinglet::Error Wrong(const std::string& what) { return {kinglet::ErrorCode::kInvalidInput, what}; }

int ParseInt(const std::string& text) {
  int value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || value < 1) {
    throw Wrong("expected a number from 1, found '" + text + "'");
  }
  return value;
}

Tensor ReadInput(const std::string& sizes, const std::string& path) {
  kinglet::Shape shape;
  std::istringstream stream(sizes);
  for (std::string size; std::getline(stream, size, 'x');) shape.push_back(ParseInt(size));
  Tensor tensor(kinglet::DataType::kFloat32, shape);
  std::ifstream file(path, std::ios::binary);
  file.read(static_cast<char*>(tensor.raw()), static_cast<std::streamsize>(tensor.bytes()));
  if (!file) throw Wrong(path + ": expected " + std::to_string(tensor.bytes()) + " bytes");
  return tensor;
}

// The high-water mark of this program: getrusage begins with that of the process that started it.
double PeakMegabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::atof(line.c_str() + 6) / 1024.0;
  }
  return 0;
}

// All cores at once, so that what they share is shared.
double PeakGflops(int threads) {
  std::vector<double> each(static_cast<std::size_t>(threads));
  std::vector<std::thread> others;
  for (double& gflops : each) {
    others.emplace_back([&gflops] { gflops = kinglet::kernels::MeasurePeakGflops(); });
  }
  double sum = 0;
  for (std::size_t i = 0; i < each.size(); ++i) {
    others[i].join();
    sum += each[i];
  }
  return sum;
}

class Peer {
 public:
  explicit Peer(const std::vector<std::string>& arguments)
      : model_(kinglet::Model::Compile(kinglet::ReadOnnx(arguments.at(0)),
                                       {.threads = ParseInt(arguments.at(1))})),
        session_(model_.NewSession()) {
    for (std::size_t i = 2; i + 2 < arguments.size(); i += 3) {
      inputs_[arguments[i]] = ReadInput(arguments[i + 1], arguments[i + 2]);
    }
    session_.Run(inputs_);
  }

  std::string Run(int count) {
    std::string times;
    for (int i = 0; i < count; ++i) {
      const auto start = std::chrono::steady_clock::now();
      outputs_ = &session_.Run(inputs_);
      const std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - start;
      times += (i == 0 ? "" : ", ") + std::to_string(ms.count());
    }
    return "{\"ms\": [" + times + "]}";
  }

  std::string WriteOutputs(const std::string& path) const {
    if (outputs_ == nullptr) throw Wrong("nothing has been run");
    std::ofstream file(path, std::ios::binary);
    std::string elements;
    for (const kinglet::TensorInfo& info : model_.outputs()) {
      const Tensor& output = outputs_->at(info.name);
      file.write(reinterpret_cast<const char*>(output.data<float>()),
                 static_cast<std::streamsize>(output.bytes()));
      elements += (elements.empty() ? "" : ", ") + std::to_string(output.size());
    }
    if (!file.flush()) throw Wrong(path + ": cannot be written");
    return "{\"elements\": [" + elements + "]}";
  }

 private:
  kinglet::Model model_;
  kinglet::Session session_;
  kinglet::Tensors inputs_;
  const kinglet::Tensors* outputs_ = nullptr;
};

std::string AnswerTo(Peer& peer, const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::string command = line.substr(0, space);
  const std::string rest = space == line.npos ? "" : line.substr(space + 1);
  if (command == "run") return peer.Run(ParseInt(rest));
  if (command == "outputs") return peer.WriteOutputs(rest);
  if (command == "memory") return "{\"peak_rss_mb\": " + std::to_string(PeakMegabytes()) + "}";
  if (command == "peak") return "{\"gflops\": " + std::to_string(PeakGflops(ParseInt(rest))) + "}";
  throw Wrong("unknown request '" + line + "'");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 6 || argc % 3 != 0) {
      throw Wrong("usage: kinglet_peer MODEL.onnx THREADS {NAME SHAPE FILE}...");
    }
    Peer peer({argv + 1, argv + argc});
    Answer("{\"version\": \"this build\"}");
    for (std::string line; std::getline(std::cin, line);) Answer(AnswerTo(peer, line));
    return 0;
  } catch (const std::exception& error) {
    Answer("{\"error\": \"" + Escaped(error.what()) + "\"}");
    return 1;
  }
}
