#include "engine/graph/fusion.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <sstream>

#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr std::string_view kActivation = "activation";
constexpr std::string_view kAlpha = "activation_alpha";
constexpr std::string_view kBeta = "activation_beta";
constexpr std::string_view kResidual = "residual";

// Parameters that the activation takes: those with a default.
int ParametersOf(const kernels::ActivationFacts& facts) {
  return facts.beta != 0 ? 2 : facts.alpha != 0 ? 1 : 0;
}

// Operators that something is fused behind.
struct Host {
  std::string_view op;
  bool of_onnx;          // and a fused one is its form in the other domain
  std::size_t residual;  // which input it is; 0: it has none
};

constexpr Host kHosts[] = {{"Conv", true, 3}, {"ConvTranspose", true, 3}, {"Gemm", true, 0},
                           {"Add", true, 0},  {"ImageConv", false, 0},    {"QLinearConv", true, 0}};

const Host* FindHost(std::string_view op) {
  const auto* const host = std::find_if(std::begin(kHosts), std::end(kHosts),
                                        [&](const Host& known) { return known.op == op; });
  return host == std::end(kHosts) ? nullptr : host;
}

[[noreturn]] void Invalid(const std::string& what) { throw Error(ErrorCode::kInvalidModel, what); }

const kernels::ActivationFacts& FindNamed(const std::string& name) {
  std::string known;
  for (const kernels::ActivationFacts& facts : kernels::kActivations) {
    if (facts.activation == Activation::kNone) continue;
    if (name == facts.op) return facts;
    known += (known.empty() ? "'" : ", '") + std::string(facts.op) + "'";
  }
  Invalid("attribute 'activation' is no activation that can be fused; expected one of " + known);
}

// A parameter, which must be there exactly where the activation takes it.
float TakeParameter(Attributes& attributes, std::string_view name, bool taken) {
  if (attributes.Has(name) != taken) {
    Invalid("attribute '" + std::string(name) + "' is " + (taken ? "missing" : "none") +
            " of this activation" + (taken ? "" : "'s parameters"));
  }
  const float value = attributes.Float(name, 0);
  attributes.Erase(name);
  return value;
}

Fusion TakeFusion(Attributes& attributes) {
  Fusion fusion;
  int parameters = 0;
  if (attributes.Has(kActivation)) {
    const kernels::ActivationFacts& facts = FindNamed(attributes.String(kActivation, ""));
    fusion.activation = facts.activation;
    parameters = ParametersOf(facts);
    attributes.Erase(kActivation);
  }
  fusion.alpha = TakeParameter(attributes, kAlpha, parameters > 0);
  fusion.beta = TakeParameter(attributes, kBeta, parameters > 1);
  const std::int64_t residual = attributes.Int(kResidual, 0);
  if (residual != 0 && residual != 1) {
    Invalid("attribute 'residual' is " + std::to_string(residual) + ", expected 0 or 1");
  }
  fusion.residual = residual == 1;
  attributes.Erase(kResidual);
  if (!IsUsable(fusion)) {
    Invalid("the parameters of what is fused, " + FusionText(fusion) +
            ", are no numbers that it can work with");
  }
  return fusion;
}

// The residual is the last input, and stands where the operator has it.
void CheckResidual(const Node& node, const Host& host) {
  if (!node.fusion.residual) return;
  if (host.residual == 0) Invalid("attribute 'residual' is set, but the operator adds none");
  const std::size_t expected = host.residual + 1;
  if (node.inputs.size() != expected || node.inputs.back() == kNoValue) {
    Invalid("has " + std::to_string(node.inputs.size()) + " inputs, expected " +
            std::to_string(expected) + " with the residual as the last one");
  }
}

}  // namespace

bool IsUsable(const Fusion& fusion) {
  if (fusion.activation == Activation::kClip) return fusion.alpha <= fusion.beta;
  return std::isfinite(fusion.alpha) && std::isfinite(fusion.beta);
}

std::string FusionText(const Fusion& fusion) {
  std::ostringstream text;
  if (fusion.residual) text << "sum";
  if (fusion.activation == Activation::kNone) return text.str();
  const kernels::ActivationFacts& facts = kernels::FactsOf(fusion.activation);
  const int parameters = ParametersOf(facts);
  text << (fusion.residual ? ", " : "") << facts.op;
  if (parameters > 0) text << '(' << fusion.alpha;
  if (parameters > 1) text << ", " << fusion.beta;
  if (parameters > 0) text << ')';
  return text.str();
}

Node WithFusionWritten(Node node) {
  const Host* host = FindHost(node.op);
  const bool fits = host != nullptr && node.domain == (host->of_onnx ? "" : kKingletDomain) &&
                    IsUsable(node.fusion);
  if (!fits) Invalid("what is fused, " + FusionText(node.fusion) + ", has no written form");
  CheckResidual(node, *host);
  node.domain = kKingletDomain;
  node.opset = kKingletOpset;
  if (node.fusion.activation != Activation::kNone) {
    const kernels::ActivationFacts& facts = kernels::FactsOf(node.fusion.activation);
    const int parameters = ParametersOf(facts);
    node.attributes.Set(std::string(kActivation), std::string(facts.op));
    if (parameters > 0) node.attributes.Set(std::string(kAlpha), node.fusion.alpha);
    if (parameters > 1) node.attributes.Set(std::string(kBeta), node.fusion.beta);
  }
  if (node.fusion.residual) node.attributes.Set(std::string(kResidual), std::int64_t{1});
  node.fusion = {};
  return node;
}

void ReadFusion(Node& node, int onnx_opset) {
  const Host* host = FindHost(node.op);
  if (host == nullptr) return;
  node.fusion = TakeFusion(node.attributes);
  CheckResidual(node, *host);
  if (!host->of_onnx) return;
  if (node.fusion.empty()) Invalid("has nothing fused (neither activation nor residual)");
  if (onnx_opset == 0) {
    Invalid("is a fused operator of ONNX, of whose domain the model imports no operator set");
  }
  node.domain.clear();
  node.opset = onnx_opset;
}

}  // namespace kinglet
