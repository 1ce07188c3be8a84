#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/graph/copy.h"
#include "engine/graph/fingerprint.h"
#include "kinglet/error.h"
#include "kinglet/onnx.h"
#include "kinglet/quantize.h"
#include "models/agreement/answers.h"
#include "models/pipeline/picture_network.h"
#include "models/quantize/calibration.h"
#include "models/quantize/coded_graph.h"
#include "models/quantize/float_graph.h"

namespace kinglet {
namespace {

constexpr std::size_t kMostInputBytes = std::size_t{4} << 30;  // of all pictures
constexpr double kMostGivenBack = 0.1;                         // of the multiply-adds
constexpr std::size_t kMostRounds = 24;                        // of giving layers back

Limits LimitsOf(const CompileOptions& compile) {
  Limits limits;
  limits.max_tensor_bytes = compile.max_tensor_bytes;
  limits.max_arena_bytes = compile.max_arena_bytes;
  limits.max_scratch_bytes = compile.max_scratch_bytes;
  limits.max_iterations = compile.max_iterations;
  return limits;
}

std::span<const float> BiasOf(const GraphIr& graph, const Node& node) {
  const Tensor* bias = graph.ConstantOf(node.input(2));
  if (bias == nullptr) return {};
  return {bias->data<float>(), static_cast<std::size_t>(bias->size())};
}

struct Samples {
  std::vector<Tensors> inputs;
  std::vector<PictureSize> sizes;
};

// One network on its way to codes.
class Quantization {
 public:
  Quantization(Graph graph, const QuantizeOptions& options, const DescribedNetwork& network,
               const Samples& calibration, const Samples& held_out)
      : options_(options),
        network_(network),
        held_out_(held_out),
        limits_(LimitsOf(options.pipeline.compile)),
        shapes_(network.ShapesOf(calibration.inputs.front())),
        graph_(PrepareToQuantise(std::move(graph), shapes_, limits_)),
        states_(StatesFor(ir(), shapes_, limits_)),
        calibration_(calibration.inputs, Compile(Precision::kFloat32)),
        given_back_(ir().nodes.size(), false),
        code_of_(ir().values.size()),
        signal_of_(ir().values.size(), kPerfectSignal),
        noise_(ir().nodes.size()) {}

  QuantizedModel Run() {
    coding_.points = FindPoints(ir(), states_, given_back_);
    all_roles_ = coding_.points.roles;
    CheckLayers();
    ChooseCodes();
    CodeLayers();
    CorrectBiases();
    RunReference();
    Coding best = coding_;
    Agreement agreement = Compare();
    GiveBack(best, agreement);
    coding_ = std::move(best);
    return {Graph(WithCodes(ir(), coding_)), Report(agreement)};
  }

 private:
  const GraphIr& ir() const { return graph_.ir(); }

  CompileOptions Compile(Precision precision) const {
    CompileOptions compile = options_.pipeline.compile;
    compile.threads = options_.pipeline.threads;
    compile.precision = precision;
    return compile;
  }

  PictureRunner::Progress Says(const std::string& what) const {
    if (!options_.progress) return {};
    return
        [this, what](std::size_t done, std::size_t total) { options_.progress(what, done, total); };
  }

  std::int64_t AllMacs() const {
    const auto& macs = coding_.points.macs;
    return std::accumulate(macs.begin(), macs.end(), std::int64_t{0});
  }

  void CheckLayers() const {
    if (std::find(all_roles_.begin(), all_roles_.end(), Role::kWeighted) != all_roles_.end())
      return;
    throw Error(
        ErrorCode::kUnsupported,
        ir().source + ": nothing to quantise: no convolution or dense layer has constant weights");
  }

  // The codes of all ranges, of what was seen before where it was.
  void ChooseCodes() {
    const QuantizationPoints& points = coding_.points;
    coding_.codes.assign(static_cast<std::size_t>(points.ranges), {});
    std::vector<bool> known(coding_.codes.size(), false);
    for (std::size_t i = 0; i < code_of_.size(); ++i) {
      if (points.range_of[i] == kNoRange || !code_of_[i]) continue;
      coding_.codes[static_cast<std::size_t>(points.range_of[i])] = *code_of_[i];
      known[static_cast<std::size_t>(points.range_of[i])] = true;
    }
    if (std::find(known.begin(), known.end(), false) == known.end()) return;
    const std::vector<Observed> seen = ObserveRanges(ir(), points, calibration_, Says("ranges"));
    for (std::size_t r = 0; r < seen.size(); ++r) {
      // What is read as an answer keeps all of its range: its largest values are what counts.
      if (!known[r]) {
        coding_.codes[r] =
            seen[r].Choose(points.is_answer[r] ? RangeRule::kMinMax : options_.range);
      }
    }
    for (std::size_t i = 0; i < code_of_.size(); ++i) {
      if (points.range_of[i] == kNoRange) continue;
      const auto range = static_cast<std::size_t>(points.range_of[i]);
      code_of_[i] = coding_.codes[range];
      signal_of_[i] = seen[range].SignalToNoise(coding_.codes[range]);
    }
  }

  const CodeScale& CodesOfValue(ValueId id) const { return *code_of_[Index(id)]; }

  void CheckFinite(const Node& node, std::span<const float> numbers) const {
    const bool finite =
        std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
    if (finite) return;
    throw Error(ErrorCode::kInvalidModel,
                ir().source + ": " + NodeLabel(node) +
                    ": expected finite weights and bias, found infinity or NaN, which no codes "
                    "stand for");
  }

  void CodeLayers() {
    coding_.layers.assign(ir().nodes.size(), std::nullopt);
    for (std::size_t n = 0; n < ir().nodes.size(); ++n) {
      if (coding_.points.roles[n] != Role::kWeighted) continue;
      const Node& node = ir().nodes[n];
      const Tensor& weights = *ir().ConstantOf(node.inputs[1]);
      const std::span<const float> bias = BiasOf(ir(), node);
      CheckFinite(node, {weights.data<float>(), static_cast<std::size_t>(weights.size())});
      CheckFinite(node, bias);
      CodedLayer layer;
      layer.weights =
          QuantizeWeights(weights, ChannelAxisOf(node, weights.shape()), options_.reduce_range,
                          CodesOfValue(node.inputs[0]).scale, bias);
      layer.bias.assign(bias.begin(), bias.end());
      coding_.layers[n] = std::move(layer);
    }
  }

  // MatMul has no bias.
  bool IsCorrected(std::size_t n) const {
    return noise_[n] && noise_[n]->plausible && ir().nodes[n].op != "MatMul";
  }

  // Takes from each bias what codes add to the mean (Nagel et al. 2019, arXiv:1906.04721).
  void CorrectBiases() {
    noise_ = MeasureNoise(ir(), coding_, calibration_, Says("layers"));
    for (std::size_t n = 0; n < noise_.size(); ++n) {
      if (!IsCorrected(n)) continue;
      std::vector<float>& bias = coding_.layers[n]->bias;
      bias.resize(noise_[n]->shift.size(), 0);
      for (std::size_t c = 0; c < bias.size(); ++c) bias[c] -= noise_[n]->shift[c];
    }
  }

  // Calls visit(picture, outputs) for the pictures that are held out.
  template <typename F>
  AnswerComparer RunHeldOut(std::unique_ptr<GraphIr> graph, Precision precision, F visit) {
    const Model model = Model::Compile(Graph(std::move(graph)), Compile(precision));
    AnswerComparer comparer(network_, model.Describe(shapes_).outputs);
    Session session = model.NewSession();
    for (std::size_t i = 0; i < held_out_.inputs.size(); ++i) {
      visit(i, comparer.Read(session.Run(held_out_.inputs[i]), held_out_.sizes[i]));
    }
    return comparer;
  }

  void RunReference() {
    const auto visit = [&](std::size_t, Answer answer) { reference_.push_back(std::move(answer)); };
    const AnswerComparer comparer = RunHeldOut(CopyGraph(ir()), Precision::kFloat32, visit);
    kind_ = comparer.kind();
    threshold_ = comparer.threshold();
  }

  Agreement Compare() {
    AgreementCounter counter(kind_, threshold_);
    RunHeldOut(WithCodes(ir(), coding_), Precision::kModel,
               [&](std::size_t i, const Answer& answer) { counter.Add(reference_[i], answer); });
    return counter.Total();
  }

  // Gives the noisiest layers back to float32 until the budget is kept, or too much is given.
  void GiveBack(Coding& best, Agreement& agreement) {
    std::vector<std::size_t> order;
    for (std::size_t n = 0; n < noise_.size(); ++n) {
      if (noise_[n]) order.push_back(n);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return noise_[a]->signal_to_noise < noise_[b]->signal_to_noise;
    });
    const double most = kMostGivenBack * static_cast<double>(AllMacs());
    double given = 0;
    std::size_t round = 0;
    for (const std::size_t n : order) {
      if (agreement.Within(options_.budget) || round == kMostRounds) return;
      const auto macs = static_cast<double>(coding_.points.macs[n]);
      if (given + macs > most) continue;
      given += macs;
      given_back_[n] = true;
      coding_.layers[n].reset();
      coding_.points = FindPoints(ir(), states_, given_back_);
      ChooseCodes();
      if (options_.progress) options_.progress("layers given back", ++round, kMostRounds);
      const Agreement found = Compare();
      if (found.share() <= agreement.share()) continue;
      best = coding_;
      agreement = found;
    }
  }

  QuantizeReport Report(const Agreement& agreement) const {
    QuantizeReport report;
    report.range = options_.range;
    report.budget = options_.budget;
    report.agreement = agreement;
    report.within_budget = agreement.Within(options_.budget);
    std::int64_t float32 = 0;
    for (std::size_t n = 0; n < all_roles_.size(); ++n) {
      const Role role = all_roles_[n];
      const bool coded = role == Role::kWeighted || role == Role::kFunction || role == Role::kJoin;
      if (!coded && coding_.points.macs[n] == 0) continue;
      report.layers.push_back(Layer(n));
      if (report.layers.back().float32) float32 += report.layers.back().macs;
    }
    const std::int64_t all = AllMacs();
    report.float32_share = all > 0 ? static_cast<double>(float32) / static_cast<double>(all) : 0;
    return report;
  }

  QuantizedLayer Layer(std::size_t n) const {
    const Node& node = ir().nodes[n];
    QuantizedLayer layer;
    layer.name = node.name;
    layer.op = node.op;
    layer.macs = coding_.points.macs[n];
    layer.float32 = coding_.points.roles[n] == Role::kFloat;
    const ValueId results = CodedResults(node);
    if (results != kNoValue) {
      layer.low = CodesOfValue(results).low();
      layer.high = CodesOfValue(results).high();
      layer.signal_to_noise = signal_of_[Index(results)];
    }
    if (!noise_[n]) return layer;
    layer.signal_to_noise = noise_[n]->signal_to_noise;
    layer.bias_corrected = IsCorrected(n) && !layer.float32;
    return layer;
  }

  // What of a node's results has codes: they, or what a clamp makes of them.
  ValueId CodedResults(const Node& node) const {
    const ValueId id = node.outputs[0];
    if (code_of_[Index(id)]) return id;
    for (const Node& reader : ir().nodes) {
      if (reader.input(0) != id) continue;
      const ValueId results = reader.outputs[0];
      return code_of_[Index(results)] ? results : kNoValue;
    }
    return kNoValue;
  }

  const QuantizeOptions& options_;
  const DescribedNetwork& network_;
  const Samples& held_out_;
  Limits limits_;
  InputShapes shapes_;
  Graph graph_;  // in float32
  std::vector<TensorState> states_;
  PictureRunner calibration_;
  std::vector<bool> given_back_;                   // by node
  std::vector<std::optional<CodeScale>> code_of_;  // by value
  std::vector<double> signal_of_;                  // by value: to noise, of these codes
  std::vector<std::optional<LayerNoise>> noise_;   // by node
  std::vector<Role> all_roles_;                    // before anything was given back
  Coding coding_;
  std::vector<Answer> reference_;  // in float32
  Agreement::Kind kind_ = Agreement::Kind::kNumbers;
  float threshold_ = 0;
};

}  // namespace

class Quantizer::Impl {
 public:
  Impl(const std::string& model, const QuantizeOptions& options)
      : options_(options),
        graph_(OpenWeights(model, options.pipeline.read)),
        network_(model, graph_, options.pipeline) {
    CheckQuantisable(graph_);
    // What is wrong with the model is said before any picture.
    const Model compiled = Model::Compile(Graph(CopyGraph(graph_.ir())), options.pipeline.compile);
    if (const auto shapes = network_.KnownShapes()) compiled.Describe(*shapes);
  }

  void Add(const Image& picture) {
    Tensors inputs = network_.InputOf(picture);
    for (const auto& [name, tensor] : inputs) {
      bytes_ += tensor.bytes();
      print_.Add(tensor.raw(), tensor.bytes());
    }
    if (bytes_ > kMostInputBytes) {
      throw Error(
          ErrorCode::kResource,
          "the pictures take more than 4 GiB as the network's input; some hundred are enough");
    }
    Samples& samples = added_++ % 2 == 0 ? calibration_ : held_out_;
    samples.inputs.push_back(std::move(inputs));
    samples.sizes.push_back({picture.width, picture.height});
  }

  QuantizedModel Quantize() {
    if (held_out_.inputs.empty()) {
      throw Error(ErrorCode::kInvalidInput,
                  "expected at least two pictures, one to find ranges by and one to check the "
                  "result; found " +
                      std::to_string(added_) + "; a hundred are a good number");
    }
    Quantization quantization(Graph(CopyGraph(graph_.ir())), options_, network_, calibration_,
                              held_out_);
    QuantizedModel made = quantization.Run();
    made.report.calibrated = calibration_.inputs.size();
    made.report.held_out = held_out_.inputs.size();
    made.report.pictures_hash = print_.value();
    return made;
  }

 private:
  QuantizeOptions options_;
  Graph graph_;
  DescribedNetwork network_;
  Samples calibration_, held_out_;
  std::size_t added_ = 0;
  std::size_t bytes_ = 0;
  Fingerprint print_;  // of all pictures
};

Quantizer::Quantizer(const std::string& model, const QuantizeOptions& options)
    : impl_(std::make_unique<Impl>(model, options)) {}
Quantizer::Quantizer(Quantizer&&) noexcept = default;
Quantizer& Quantizer::operator=(Quantizer&&) noexcept = default;
Quantizer::~Quantizer() = default;

void Quantizer::Add(const Image& picture) { impl_->Add(picture); }

QuantizedModel Quantizer::Quantize() { return impl_->Quantize(); }

namespace {

struct NamedRule {
  RangeRule rule;
  std::string_view name;
};
constexpr NamedRule kRules[] = {{RangeRule::kMinMax, "minmax"},
                                {RangeRule::kPercentile, "percentile"},
                                {RangeRule::kMse, "mse"},
                                {RangeRule::kEntropy, "entropy"}};

}  // namespace

std::string_view RangeRuleName(RangeRule rule) {
  return kRules[static_cast<std::size_t>(rule)].name;
}

std::optional<RangeRule> RangeRuleOf(std::string_view name) {
  for (const NamedRule& known : kRules) {
    if (known.name == name) return known.rule;
  }
  return std::nullopt;
}

void QuantizedModel::Write(const std::string& path) const {
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx",
                static_cast<unsigned long long>(report.pictures_hash));
  const Agreement& agreement = report.agreement;
  WriteOnnx(path, graph,
            {{"kinglet.quantized", "range " + std::string(RangeRuleName(report.range)) + ", " +
                                       std::to_string(report.calibrated) + " pictures, " +
                                       std::to_string(report.held_out) + " held out, hash " + hash},
             {"kinglet.agreement", std::to_string(agreement.agreeing) + " of " +
                                       std::to_string(agreement.compared) + " " +
                                       AgreementKindName(agreement.kind)}});
}

}  // namespace kinglet
