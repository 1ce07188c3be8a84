#include <cmath>
#include <nlohmann/json.hpp>

#include "characterize/common/figures_json.h"
#include "characterize/predict/predictor.h"
#include "kinglet/error.h"
#include "kinglet/machine.h"
#include "models/files/files.h"

namespace kinglet::characterize {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kPredictorFormat = 1;
constexpr std::size_t kMaxKernels = 1000;
constexpr double kWidest = 20.0;  // of a logarithm of measured over predicted

[[noreturn]] void RefusePredictor(const std::string& source, const std::string& what) {
  throw Error(ErrorCode::kInvalidInput, source + ": " + what);
}

class PredictorReader {
 public:
  PredictorReader(const Json& root, const std::string& source) : root_(root), source_(source) {}

  Predictor Read() const {
    if (!root_.is_object() || !root_.contains("kinglet") || root_["kinglet"] != "predictor") {
      RefusePredictor(source_, "is no predictor file of Kinglet");
    }
    if (!root_.contains("format") || root_["format"] != kPredictorFormat) {
      RefusePredictor(source_, "is of a format that this version does not read; fit it again");
    }
    CheckFeatures("layer_features", LayerFeatures());
    CheckFeatures("network_features", NetworkFeatures());
    Predictor predictor;
    predictor.cpu = TextOf(root_, "cpu");
    predictor.instruction_set = TextOf(root_, "instruction_set");
    predictor.note = TextOf(root_, "note");
    predictor.networks = CountOf(root_, "networks");
    predictor.figures = FiguresFromJson(Member(root_, "figures"), source_);
    const Json& kernels = Member(root_, "kernels");
    if (!kernels.is_object() || kernels.size() > kMaxKernels) {
      RefusePredictor(source_,
                      "'kernels': expected an object of at most " + std::to_string(kMaxKernels));
    }
    for (const auto& [name, json] : kernels.items()) {
      predictor.kernels[name] = CorrectionOf(json, LayerFeatures().size());
    }
    predictor.network = CorrectionOf(Member(root_, "network"), NetworkFeatures().size());
    predictor.physical = IntervalOf(Member(root_, "physical_interval"));
    return predictor;
  }

 private:
  const Json& Member(const Json& object, const char* name) const {
    if (!object.is_object() || !object.contains(name)) {
      RefusePredictor(source_, "has no '" + std::string(name) + "'");
    }
    return object[name];
  }
  std::string TextOf(const Json& object, const char* name) const {
    const Json& value = Member(object, name);
    if (!value.is_string()) RefusePredictor(source_, "'" + std::string(name) + "' is no text");
    return value.get<std::string>();
  }
  std::size_t CountOf(const Json& object, const char* name) const {
    const Json& value = Member(object, name);
    if (!value.is_number_unsigned()) {
      RefusePredictor(source_, "'" + std::string(name) + "' is no count");
    }
    return value.get<std::size_t>();
  }
  double NumberOf(const Json& value, const std::string& name, double low, double high) const {
    const double number = value.is_number() ? value.get<double>() : std::nan("");
    if (!(number >= low && number <= high)) {
      RefusePredictor(source_, "'" + name + "': expected a number from " + Json(low).dump() +
                                   " to " + Json(high).dump() + ", found " + value.dump());
    }
    return number;
  }
  LogInterval IntervalOf(const Json& json) const {
    if (!json.is_array() || json.size() != 2) {
      RefusePredictor(source_, "an interval: expected two numbers");
    }
    return {NumberOf(json[0], "interval", -kWidest, kWidest),
            NumberOf(json[1], "interval", -kWidest, kWidest)};
  }
  Correction CorrectionOf(const Json& json, std::size_t features) const {
    Correction correction;
    correction.rows = CountOf(json, "rows");
    correction.interval = IntervalOf(Member(json, "interval"));
    correction.trees = TreesFromJson(json, features, source_);
    return correction;
  }
  // Trees count features by their place.
  void CheckFeatures(const char* name, std::span<const Feature> features) const {
    const Json& list = Member(root_, name);
    Json expected = Json::array();
    for (const Feature& feature : features) expected.push_back(feature.name);
    if (list != expected) {
      RefusePredictor(source_,
                      "'" + std::string(name) + "' are not those of this version; fit it again");
    }
  }

  const Json& root_;
  const std::string& source_;
};

Json NamesOf(std::span<const Feature> features) {
  Json names = Json::array();
  for (const Feature& feature : features) names.push_back(feature.name);
  return names;
}

Json CorrectionToJson(const Correction& correction) {
  Json json = {{"rows", correction.rows},
               {"interval", {correction.interval.low, correction.interval.high}}};
  json.update(TreesToJson(correction.trees));
  return json;
}

}  // namespace

std::string PredictorToJson(const Predictor& predictor) {
  Json kernels = Json::object();
  for (const auto& [name, correction] : predictor.kernels) {
    kernels[name] = CorrectionToJson(correction);
  }
  const Json root = {{"kinglet", "predictor"},
                     {"format", kPredictorFormat},
                     {"version", Version()},
                     {"cpu", predictor.cpu},
                     {"instruction_set", predictor.instruction_set},
                     {"note", predictor.note},
                     {"networks", predictor.networks},
                     {"figures", FiguresToJson(predictor.figures)},
                     {"layer_features", NamesOf(LayerFeatures())},
                     {"network_features", NamesOf(NetworkFeatures())},
                     {"physical_interval", {predictor.physical.low, predictor.physical.high}},
                     {"network", CorrectionToJson(predictor.network)},
                     {"kernels", std::move(kernels)}};
  return root.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Predictor ParsePredictor(std::string_view text, const std::string& source) {
  if (text.size() > kMaxPredictorBytes) {
    throw Error(ErrorCode::kResource, source + ": is too large for a predictor");
  }
  const Json root = Json::parse(text, nullptr, false);
  return PredictorReader(root, source).Read();
}

Predictor ReadPredictor(const std::string& file) {
  return ParsePredictor(ReadTextFile(file, kMaxPredictorBytes, "a predictor"), file);
}

}  // namespace kinglet::characterize
