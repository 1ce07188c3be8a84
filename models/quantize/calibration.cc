#include "models/quantize/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kinglet/error.h"
#include "kinglet/quantize.h"

namespace kinglet {
namespace {

std::span<const float> Floats(const Tensor& tensor) {
  return {tensor.data<float>(), static_cast<std::size_t>(tensor.size())};
}

const Tensor& Named(const Tensors& inputs, const Tensors& outputs, const std::string& name) {
  const auto output = outputs.find(name);
  return output != outputs.end() ? output->second : inputs.at(name);
}

// Sums over the elements of each channel.
struct ChannelSums {
  std::vector<double> differences, squares;  // of what differs; of the results
  double noise = 0;                          // squares of what differs
  double count = 0;                          // elements of a channel

  void Add(const Tensor& results, const Tensor& difference, bool channels_last) {
    const Shape& shape = results.shape();
    const std::size_t axis = channels_last ? shape.size() - 1 : 1;
    std::size_t inner = 1, outer = 1;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (d != axis) (d < axis ? outer : inner) *= static_cast<std::size_t>(shape[d]);
    }
    const auto channels = static_cast<std::size_t>(shape[axis]);
    differences.resize(channels, 0);
    squares.resize(channels, 0);
    const float* y = results.data<float>();
    const float* e = difference.data<float>();
    for (std::size_t o = 0; o < outer; ++o) {
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = 0; i < inner; ++i, ++y, ++e) {
          differences[c] += *e;
          squares[c] += static_cast<double>(*y) * *y;
          noise += static_cast<double>(*e) * *e;
        }
      }
    }
    count += static_cast<double>(outer * inner);
  }

  LayerNoise Result() const {
    LayerNoise result;
    result.plausible = count > 0;
    double power = 0, shifted = 0;
    for (std::size_t c = 0; c < differences.size(); ++c) {
      const double shift = count > 0 ? differences[c] / count : 0;
      result.shift.push_back(static_cast<float>(shift));
      result.plausible = result.plausible && shift * shift * count <= squares[c];
      power += squares[c];
      shifted += shift * shift * count;
    }
    const double left = result.plausible ? noise - shifted : noise;
    result.signal_to_noise = !(power > 0) || !(left > 0)
                                 ? kPerfectSignal
                                 : std::min(10 * std::log10(power / left), kPerfectSignal);
    return result;
  }
};

}  // namespace

void PictureRunner::Run(
    std::unique_ptr<GraphIr> graph,
    const std::function<void(std::size_t, const Tensors&, const Tensors&)>& visit,
    const Progress& progress) const {
  const Model model = Model::Compile(Graph(std::move(graph)), compile_);
  Session session = model.NewSession();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    visit(i, inputs_[i], session.Run(inputs_[i]));
    if (progress) progress(i + 1, inputs_.size());
  }
}

std::vector<Observed> ObserveRanges(const GraphIr& graph, const QuantizationPoints& points,
                                    const PictureRunner& runner,
                                    const PictureRunner::Progress& progress) {
  std::vector<ValueId> sources, made;
  for (std::size_t i = 0; i < points.is_source.size(); ++i) {
    if (!points.is_source[i]) continue;
    sources.push_back(static_cast<ValueId>(i));
    if (graph.values[i].producer != kNoNode) made.push_back(sources.back());
  }
  std::vector<Observed> observed(static_cast<std::size_t>(points.ranges));
  for (const bool counting : {false, true}) {
    const auto visit = [&](std::size_t, const Tensors& inputs, const Tensors& outputs) {
      for (const ValueId id : sources) {
        const std::string& name = graph.value(id).name;
        const auto values = Floats(Named(inputs, outputs, name));
        const int range = points.range_of[Index(id)];
        Observed& seen = observed[static_cast<std::size_t>(range)];
        if (counting) {
          seen.Count(values);
        } else if (!seen.AddBounds(values)) {
          throw Error(ErrorCode::kInvalidModel,
                      graph.source + ": value '" + name +
                          "' is not finite for one of the pictures, so no codes stand for it");
        }
      }
    };
    runner.Run(WithOutputs(graph, made), visit, progress);
  }
  return observed;
}

std::vector<std::optional<LayerNoise>> MeasureNoise(const GraphIr& graph, const Coding& coding,
                                                    const PictureRunner& runner,
                                                    const PictureRunner::Progress& progress) {
  std::vector<LayerError> errors;
  std::unique_ptr<GraphIr> probe = WithErrors(graph, coding, errors);
  std::vector<std::pair<std::string, std::string>> names;
  for (const LayerError& error : errors) {
    names.emplace_back(probe->value(probe->outputs[error.results]).name,
                       probe->value(probe->outputs[error.difference]).name);
  }
  std::vector<ChannelSums> sums(errors.size());
  const auto visit = [&](std::size_t, const Tensors&, const Tensors& outputs) {
    for (std::size_t i = 0; i < errors.size(); ++i) {
      sums[i].Add(outputs.at(names[i].first), outputs.at(names[i].second), errors[i].channels_last);
    }
  };
  runner.Run(std::move(probe), visit, progress);
  std::vector<std::optional<LayerNoise>> noise(graph.nodes.size());
  for (std::size_t i = 0; i < errors.size(); ++i) noise[errors[i].node] = sums[i].Result();
  return noise;
}

}  // namespace kinglet
