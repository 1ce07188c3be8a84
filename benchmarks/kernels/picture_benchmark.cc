// Pictures to network inputs, by each resize rule: from two common sizes to the inputs of networks.
#include <set>

#include "benchmarks/kernels/suites.h"
#include "kinglet/descriptor.h"
#include "kinglet/image.h"
#include "kinglet/preprocess.h"
#include "measure/kernels/layers.h"

namespace kinglet::benchmarks {
namespace {

struct Size {
  int width, height;
};
constexpr Size kSources[] = {{640, 480}, {1920, 1080}};

struct Rule {
  const char* name;
  ResizeRule rule;
};
constexpr Rule kRules[] = {{"bilinear", ResizeRule::kBilinear},
                           {"bilinear_antialias", ResizeRule::kBilinearAntialias},
                           {"area", ResizeRule::kArea}};

void RunPicture(benchmark::State& state, const PreprocessSpec& spec, const Size& size) {
  Image image;
  image.width = size.width;
  image.height = size.height;
  image.pixels.resize(static_cast<size_t>(size.width) * static_cast<size_t>(size.height) * 3, 100);
  std::vector<float> output(static_cast<size_t>(ElementCount(PreprocessedShape(spec))));
  PreprocessScratch scratch;
  for (auto _ : state) Preprocess(image, spec, scratch, output.data());
  SetCounters(state, 0,
              static_cast<double>(image.pixels.size()) + 4.0 * static_cast<double>(output.size()));
}

}  // namespace

void RegisterPictures() {
  for (const measure::NetworkLayers& layers : measure::AllNetworkLayers()) {
    for (const Size& source : kSources) {
      for (const Rule& rule : kRules) {
        PreprocessSpec spec = FindDescriptor(layers.network).preprocess;
        spec.resize = rule.rule;
        const std::string sizes = std::to_string(source.width) + "x" +
                                  std::to_string(source.height) + "_" + std::to_string(spec.width) +
                                  "x" + std::to_string(spec.height);
        Register("resize/" + layers.network + "/b1/" + sizes + "/" + rule.name,
                 [=](benchmark::State& state) { RunPicture(state, spec, source); });
      }
    }
  }
}

}  // namespace kinglet::benchmarks
