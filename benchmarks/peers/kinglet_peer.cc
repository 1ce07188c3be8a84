// Kinglet's side of compare.py: one network at fixed shapes, run whenever somebody asks.
//
//     kinglet_peer [--precision=f32|bf16|int8] MODEL.onnx THREADS {NAME 1x3x224x224 FILE}...
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
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "measure/common/machine.h"
#include "measure/common/repeat.h"

namespace {

using kinglet::Tensor;
using Json = nlohmann::ordered_json;

void Answer(const Json& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
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

// The option that may be the first argument, which goes.
kinglet::Precision TakePrecision(std::vector<std::string>& arguments) {
  const std::string option = "--precision=";
  if (arguments.empty() || arguments[0].rfind(option, 0) != 0) return kinglet::Precision::kModel;
  const auto precision = kinglet::PrecisionOf(arguments[0].substr(option.size()));
  if (!precision) throw Wrong(arguments[0] + ": expected f32, bf16 or int8");
  arguments.erase(arguments.begin());
  return *precision;
}

class Peer {
 public:
  Peer(const std::vector<std::string>& arguments, kinglet::Precision precision)
      : model_(kinglet::Model::Compile(
            kinglet::ReadOnnx(arguments.at(0)),
            {.threads = ParseInt(arguments.at(1)), .precision = precision})),
        session_(model_.NewSession()) {
    for (std::size_t i = 2; i + 2 < arguments.size(); i += 3) {
      inputs_[arguments[i]] = ReadInput(arguments[i + 1], arguments[i + 2]);
    }
    session_.Run(inputs_);
  }

  Json Run(int count) {
    kinglet::measure::Repetition repetition;
    repetition.warm_up_ms = 0;
    repetition.runs = static_cast<std::size_t>(count);
    return {{"ms", kinglet::measure::TimeRuns([this] { outputs_ = &session_.Run(inputs_); },
                                              repetition)}};
  }

  Json WriteOutputs(const std::string& path) const {
    if (outputs_ == nullptr) throw Wrong("nothing has been run");
    std::ofstream file(path, std::ios::binary);
    Json elements = Json::array();
    for (const kinglet::TensorInfo& info : model_.outputs()) {
      const Tensor& output = outputs_->at(info.name);
      file.write(reinterpret_cast<const char*>(output.data<float>()),
                 static_cast<std::streamsize>(output.bytes()));
      elements.push_back(output.size());
    }
    if (!file.flush()) throw Wrong(path + ": cannot be written");
    return {{"elements", elements}};
  }

 private:
  kinglet::Model model_;
  kinglet::Session session_;
  kinglet::Tensors inputs_;
  const kinglet::Tensors* outputs_ = nullptr;
};

Json AnswerTo(Peer& peer, const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::string command = line.substr(0, space);
  const std::string rest = space == line.npos ? "" : line.substr(space + 1);
  if (command == "run") return peer.Run(ParseInt(rest));
  if (command == "outputs") return peer.WriteOutputs(rest);
  if (command == "memory") return {{"peak_rss_mb", kinglet::measure::PeakRssMib()}};
  if (command == "peak") return {{"gflops", kinglet::measure::PeakGflopsOf(ParseInt(rest))}};
  throw Wrong("unknown request '" + line + "'");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    const kinglet::Precision precision = TakePrecision(arguments);
    if (arguments.size() < 5 || arguments.size() % 3 != 2) {
      throw Wrong("usage: kinglet_peer [--precision=P] MODEL.onnx THREADS {NAME SHAPE FILE}...");
    }
    Peer peer(arguments, precision);
    Answer({{"version", "this build"}});
    for (std::string line; std::getline(std::cin, line);) Answer(AnswerTo(peer, line));
    return 0;
  } catch (const std::exception& error) {
    Answer({{"error", error.what()}});
    return 1;
  }
}
