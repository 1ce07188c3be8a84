#include "characterize/fit/boosting.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "kinglet/error.h"

#ifdef KINGLET_XGBOOST_LIBRARY
#include <dlfcn.h>
#include <xgboost/c_api.h>
#endif

namespace kinglet::characterize {

void Samples::Add(const std::vector<float>& sample, double target, double weight) {
  values.insert(values.end(), sample.begin(), sample.end());
  targets.push_back(static_cast<float>(target));
  weights.push_back(static_cast<float>(weight));
}

#ifdef KINGLET_XGBOOST_LIBRARY

namespace {

constexpr const char* kInstall =
    "install XGBoost's library (Debian: libxgboost0, which libxgboost-dev brings)";

// The functions of the library that are called, found by name.
struct Library {
  void* handle = nullptr;
  decltype(&XGBGetLastError) last_error = nullptr;
  decltype(&XGDMatrixCreateFromMat) matrix = nullptr;
  decltype(&XGDMatrixSetFloatInfo) set_info = nullptr;
  decltype(&XGDMatrixFree) free_matrix = nullptr;
  decltype(&XGBoosterCreate) create = nullptr;
  decltype(&XGBoosterFree) free_booster = nullptr;
  decltype(&XGBoosterSetParam) set = nullptr;
  decltype(&XGBoosterUpdateOneIter) update = nullptr;
  decltype(&XGBoosterSaveModelToBuffer) save = nullptr;
  decltype(&XGBoosterPredict) predict = nullptr;
};

template <typename F>
bool Find(void* handle, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(handle, name));
  return function != nullptr;
}

std::optional<Library> Load() {
  Library library;
  library.handle = dlopen(KINGLET_XGBOOST_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library.handle == nullptr) return std::nullopt;
  const bool all = Find(library.handle, "XGBGetLastError", library.last_error) &&
                   Find(library.handle, "XGDMatrixCreateFromMat", library.matrix) &&
                   Find(library.handle, "XGDMatrixSetFloatInfo", library.set_info) &&
                   Find(library.handle, "XGDMatrixFree", library.free_matrix) &&
                   Find(library.handle, "XGBoosterCreate", library.create) &&
                   Find(library.handle, "XGBoosterFree", library.free_booster) &&
                   Find(library.handle, "XGBoosterSetParam", library.set) &&
                   Find(library.handle, "XGBoosterUpdateOneIter", library.update) &&
                   Find(library.handle, "XGBoosterSaveModelToBuffer", library.save) &&
                   Find(library.handle, "XGBoosterPredict", library.predict);
  return all ? std::optional(library) : std::nullopt;
}

const std::optional<Library>& TheLibrary() {
  static const std::optional<Library> library = Load();
  return library;
}

// A matrix and a booster on it, freed at the end.
class Booster {
 public:
  Booster(const Library& library, const Samples& samples) : library_(library) {
    const auto rows = static_cast<bst_ulong>(samples.size());
    Check(library.matrix(samples.values.data(), rows, static_cast<bst_ulong>(samples.features),
                         std::nanf(""), &matrix_));
    Check(library.set_info(matrix_, "label", samples.targets.data(), rows));
    Check(library.set_info(matrix_, "weight", samples.weights.data(), rows));
    Check(library.create(&matrix_, 1, &booster_));
  }
  ~Booster() {
    if (booster_ != nullptr) library_.free_booster(booster_);
    if (matrix_ != nullptr) library_.free_matrix(matrix_);
  }
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;

  void Set(const char* name, const std::string& value) {
    Check(library_.set(booster_, name, value.c_str()));
  }
  void Update(int round) { Check(library_.update(booster_, round, matrix_)); }
  std::string Save() const {
    const char* text = nullptr;
    bst_ulong bytes = 0;
    Check(library_.save(booster_, R"({"format": "json"})", &bytes, &text));
    return {text, static_cast<std::size_t>(bytes)};
  }
  std::vector<float> Predict() const {
    const float* values = nullptr;
    bst_ulong count = 0;
    Check(library_.predict(booster_, matrix_, 0, 0, 0, &count, &values));
    return {values, values + count};
  }

 private:
  void Check(int status) const {
    if (status != 0) {
      throw Error(ErrorCode::kResource,
                  std::string("XGBoost: ") + fmt::format("{:.500}", library_.last_error()));
    }
  }

  const Library& library_;
  DMatrixHandle matrix_ = nullptr;
  BoosterHandle booster_ = nullptr;
};

// Nodes behind those that point at them, the left part before the right one.
std::int32_t Append(const nlohmann::json& tree, std::size_t node, Tree& to) {
  const auto at = to.size();
  const int left = tree["left_children"][node].get<int>();
  to.push_back({.feature = -1, .value = tree["split_conditions"][node].get<float>()});
  if (left < 0) return static_cast<std::int32_t>(at);
  to[at].feature = tree["split_indices"][node].get<std::int32_t>();
  const std::int32_t first = Append(tree, static_cast<std::size_t>(left), to);
  const auto right = tree["right_children"][node].get<std::size_t>();
  const std::int32_t second = Append(tree, right, to);
  to[at].left = first;
  to[at].right = second;
  return static_cast<std::int32_t>(at);
}

Trees TreesOf(const std::string& text) {
  const nlohmann::json model = nlohmann::json::parse(text);
  std::vector<Tree> trees;
  for (const nlohmann::json& json : model["learner"]["gradient_booster"]["model"]["trees"]) {
    Append(json, 0, trees.emplace_back());
  }
  const std::string base = model["learner"]["learner_model_param"]["base_score"].get<std::string>();
  return {std::strtof(base.c_str(), nullptr), std::move(trees)};
}

std::string Constraints(std::span<const Feature> features) {
  std::string text;
  for (const Feature& feature : features) {
    text += (text.empty() ? "(" : ",") + std::to_string(feature.monotone);
  }
  return text + ")";
}

}  // namespace

std::string BoostingProblem() {
  if (TheLibrary()) return "";
  return fmt::format("kinglet fit needs {}: {}", KINGLET_XGBOOST_LIBRARY, kInstall);
}

Trees GrowTrees(const Samples& samples, std::span<const Feature> features,
                const BoostingOptions& options, std::vector<float>* check) {
  if (!TheLibrary()) throw Error(ErrorCode::kUnsupported, BoostingProblem());
  Booster booster(*TheLibrary(), samples);
  booster.Set("objective", "reg:squarederror");
  booster.Set("base_score", "0");
  booster.Set("tree_method", "hist");
  booster.Set("verbosity", "0");
  booster.Set("nthread", "1");  // sums in one order; callers grow several at once
  booster.Set("max_depth", std::to_string(options.depth));
  booster.Set("eta", fmt::format("{}", options.rate));
  booster.Set("subsample", fmt::format("{}", options.share));
  booster.Set("colsample_bynode", fmt::format("{}", options.features_share));
  booster.Set("min_child_weight", std::to_string(options.least_weight));
  booster.Set("seed", std::to_string(options.seed));
  booster.Set("monotone_constraints", Constraints(features));
  for (int round = 0; round < options.rounds; ++round) booster.Update(round);
  if (check != nullptr) *check = booster.Predict();
  return TreesOf(booster.Save());
}

#else

std::string BoostingProblem() {
  return "kinglet fit needs XGBoost, and this build is without it (install libxgboost-dev and "
         "configure with -DKINGLET_XGBOOST=on)";
}

Trees GrowTrees(const Samples&, std::span<const Feature>, const BoostingOptions&,
                std::vector<float>*) {
  throw Error(ErrorCode::kUnsupported, BoostingProblem());
}

#endif

}  // namespace kinglet::characterize
