// LinearAttention: attention whose memory of the past is one matrix for each head (Katharopoulos et
// al. 2020, arXiv:2006.16236), which may decay and be corrected (Yang et al. 2024,
// arXiv:2412.06464). At each token, in this order:
//   S *= exp(g)                      where the rule is gated
//   v = beta (v - S' k)              where it is a delta rule
//   S += k v',  y = scale q' S       for the queries that share the head's keys
#include <algorithm>
#include <cmath>
#include <string>

#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

enum Input : std::size_t { kQ, kK, kV, kPast, kDecay, kBeta };

struct LinearAttention {
  std::int64_t images = 0, tokens = 0;
  std::int64_t heads = 0, key_heads = 0;  // of the queries; of keys, values and states
  std::int64_t key_size = 0, value_size = 0;
  std::int64_t decays = 0;  // for each token and head: none, one, or one for each row of the state
  std::int64_t betas = 0;   // for each token: none, one, or one for each head
  float scale = 1;

  std::int64_t state_size() const { return key_size * value_size; }
};

std::int64_t LastDim(const NodeContext& context, std::size_t i, const LinearAttention& a) {
  RequireType(context, i, DataType::kFloat32);
  const Shape& shape = context.InputShape(i);
  if (shape.size() != 3 || shape[0] != a.images || shape[1] != a.tokens) {
    context.Invalid("input " + std::to_string(i) + " has shape " + ShapeToString(shape) +
                    ", expected " + std::to_string(a.images) + " x " + std::to_string(a.tokens) +
                    " and what belongs to a token");
  }
  return shape[2];
}

// What the rule wants is there, and nothing else.
void ReadRule(const NodeContext& context, LinearAttention& a) {
  const std::string rule = context.attributes().String("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta";
  const bool corrected = rule == "delta" || rule == "gated_delta";
  if (!gated && !corrected && rule != "linear") {
    context.Invalid("update_rule '" + rule + "', expected linear, gated, delta or gated_delta");
  }
  if (context.HasInput(kDecay) != gated || context.HasInput(kBeta) != corrected) {
    context.Invalid("update_rule '" + rule + "' takes " + (gated ? "a" : "no") + " decay and " +
                    (corrected ? "a" : "no") + " beta (inputs 4 and 5)");
  }
  if (gated) {
    const std::int64_t width = LastDim(context, kDecay, a);
    a.decays = width == a.key_heads ? 1 : a.key_size;
    if (width != a.key_heads * a.decays) {
      context.Invalid("the decay (input 4) has " + std::to_string(width) + " values for a token");
    }
  }
  if (corrected) {
    a.betas = LastDim(context, kBeta, a);
    if (a.betas != 1 && a.betas != a.key_heads) {
      context.Invalid("the beta (input 5) has " + std::to_string(a.betas) + " values for a token");
    }
  }
}

LinearAttention ReadLinearAttention(const NodeContext& context) {
  LinearAttention a;
  const Shape& q = context.InputShape(kQ);
  a.heads = context.attributes().Int("q_num_heads", 0);
  a.key_heads = context.attributes().Int("kv_num_heads", 0);
  if (q.size() != 3 || a.heads < 1 || a.key_heads < 1 || a.heads % a.key_heads != 0 ||
      q[2] % a.heads != 0) {
    context.Invalid("queries of shape " + ShapeToString(q) + " for " + std::to_string(a.heads) +
                    " heads that share " + std::to_string(a.key_heads) + " of keys do not divide");
  }
  a.images = q[0];
  a.tokens = q[1];
  a.key_size = LastDim(context, kQ, a) / a.heads;
  const std::int64_t values = LastDim(context, kV, a);
  a.value_size = values / a.key_heads;
  if (LastDim(context, kK, a) != MultiplySizes(context, a.key_heads, a.key_size) ||
      values % a.key_heads != 0) {
    context.Invalid("keys of shape " + ShapeToString(context.InputShape(kK)) +
                    " and values of shape " + ShapeToString(context.InputShape(kV)) +
                    " do not divide into heads of queries of shape " + ShapeToString(q));
  }
  if (a.key_size < 1 || a.value_size < 1) context.Invalid("keys or values hold nothing");
  MultiplySizes(context, a.key_size, a.value_size);
  if (context.HasInput(kPast)) {
    RequireType(context, kPast, DataType::kFloat32);
    const Shape expected{a.images, a.key_heads, a.key_size, a.value_size};
    if (context.InputShape(kPast) != expected) {
      context.Invalid("past_state (input 3) has shape " + ShapeToString(context.InputShape(kPast)) +
                      ", expected " + ShapeToString(expected));
    }
  }
  ReadRule(context, a);
  const float scale = context.attributes().Float("scale", 0);
  a.scale =
      scale != 0 ? scale : 1 / std::sqrt(static_cast<float>(std::max<std::int64_t>(a.key_size, 1)));
  return a;
}

void InferLinearAttention(InferContext& context) {
  const LinearAttention a = ReadLinearAttention(context);
  const std::int64_t width = MultiplySizes(context, a.heads, a.value_size);
  context.SetOutput(0, DataType::kFloat32, {a.images, a.tokens, width});
  context.SetOutput(1, DataType::kFloat32, {a.images, a.key_heads, a.key_size, a.value_size});
}

// y[m] += sum over d of x[d] * state[d][m]
void AddProduct(const LinearAttention& a, const float* x, const float* state, float* y) {
  for (std::int64_t d = 0; d < a.key_size; ++d, state += a.value_size) {
    for (std::int64_t m = 0; m < a.value_size; ++m) y[m] += x[d] * state[m];
  }
}

// One head of keys of one image; `value` is value_size long.
class Head {
 public:
  Head(const LinearAttention& attention, const StepArgs& args, std::int64_t image,
       std::int64_t head, float* state, float* value)
      : a_(attention), args_(args), image_(image), head_(head), state_(state), value_(value) {}

  void Advance(std::int64_t token) {
    const std::int64_t row = image_ * a_.tokens + token;
    const float* k = In(kK) + (row * a_.key_heads + head_) * a_.key_size;
    const float* v = In(kV) + (row * a_.key_heads + head_) * a_.value_size;
    if (a_.decays > 0) Decay(In(kDecay) + (row * a_.key_heads + head_) * a_.decays);
    if (a_.betas > 0) {
      const float beta = In(kBeta)[row * a_.betas + (a_.betas == 1 ? 0 : head_)];
      std::fill_n(value_, a_.value_size, 0.0f);
      AddProduct(a_, k, state_, value_);
      for (std::int64_t m = 0; m < a_.value_size; ++m) value_[m] = beta * (v[m] - value_[m]);
      v = value_;
    }
    float* state = state_;
    for (std::int64_t d = 0; d < a_.key_size; ++d, state += a_.value_size) {
      for (std::int64_t m = 0; m < a_.value_size; ++m) state[m] += k[d] * v[m];
    }
    if (args_.outputs[0] != nullptr) Answer(row);
  }

 private:
  const float* In(std::size_t i) const { return static_cast<const float*>(args_.inputs[i]); }

  void Decay(const float* g) {
    for (std::int64_t d = 0; d < a_.key_size; ++d) {
      const float factor = std::exp(g[a_.decays == 1 ? 0 : d]);
      for (std::int64_t m = 0; m < a_.value_size; ++m) state_[d * a_.value_size + m] *= factor;
    }
  }

  void Answer(std::int64_t row) const {
    const std::int64_t sharing = a_.heads / a_.key_heads;
    for (std::int64_t i = 0; i < sharing; ++i) {
      const std::int64_t query = row * a_.heads + head_ * sharing + i;
      float* y = static_cast<float*>(args_.outputs[0]) + query * a_.value_size;
      std::fill_n(y, a_.value_size, 0.0f);
      AddProduct(a_, In(kQ) + query * a_.key_size, state_, y);
      for (std::int64_t m = 0; m < a_.value_size; ++m) y[m] *= a_.scale;
    }
  }

  const LinearAttention& a_;
  const StepArgs& args_;
  std::int64_t image_, head_;
  float* state_;
  float* value_;
};

std::unique_ptr<Step> PlanLinearAttention(PlanContext& context) {
  const LinearAttention a = ReadLinearAttention(context);
  const bool has_past = context.HasInput(kPast);
  const bool has_present = context.HasOutput(1);
  auto step = MakeStep(
      "reference/linear_attention", a.images * a.key_heads,
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        auto* state = reinterpret_cast<float*>(args.scratch);
        for (std::int64_t unit = begin; unit < end; ++unit) {
          if (has_past) {
            std::copy_n(static_cast<const float*>(args.inputs[kPast]) + unit * a.state_size(),
                        a.state_size(), state);
          } else {
            std::fill_n(state, a.state_size(), 0.0f);
          }
          Head head(a, args, unit / a.key_heads, unit % a.key_heads, state, state + a.state_size());
          for (std::int64_t token = 0; token < a.tokens; ++token) head.Advance(token);
          if (has_present) {
            std::copy_n(state, a.state_size(),
                        static_cast<float*>(args.outputs[1]) + unit * a.state_size());
          }
        }
      });
  step->scratch_bytes = static_cast<std::size_t>(a.state_size() + a.value_size) * sizeof(float);
  step->macs =
      a.images * a.tokens * a.state_size() * (a.heads + a.key_heads * (1 + (a.betas > 0 ? 1 : 0)));
  step->work = kernels::LoopWork(2 * static_cast<double>(step->macs), context.threads());
  return step;
}

bool LinearAttentionBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (context.HasInput(i) && inputs[i] != BatchUse::kImages) return false;
  }
  return true;
}

}  // namespace

const OpDef& OpLinearAttention() {
  static const OpDef op{.name = "LinearAttention",
                        .since = 27,
                        .min_inputs = 3,
                        .max_inputs = 6,
                        .max_outputs = 2,
                        .attributes = "chunk_size kv_num_heads q_num_heads scale update_rule",
                        .types = "float32",
                        .infer = InferLinearAttention,
                        .plan = PlanLinearAttention,
                        .batch_wise = LinearAttentionBatchWise};
  return op;
}

}  // namespace kinglet
