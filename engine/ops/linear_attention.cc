// LinearAttention: attention whose past is a matrix for each head, brought forward token by token.
//
//   S = exp(g) S + k (b (v - exp(g) S^T k))^T, o = scale q^T S;  without a delta rule k v^T is
//   added
#include <algorithm>
#include <cmath>
#include <string>

#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

constexpr std::size_t kPast = 3, kDecay = 4, kRate = 5;

// Queries {batch, tokens, query heads * depth}, keys alike, values {batch, tokens, heads * width}.
struct Heads {
  std::int64_t batch = 0, tokens = 0, query_heads = 1, heads = 1, depth = 0, width = 0;
  std::int64_t decays = 0;  // of a head and token: 1 or depth; 0: none
  std::int64_t rates = 0;   // of a token: 1 or heads; 0: none
  bool has_past = false;
  double scale = 1;
  Shape state() const { return {batch, heads, depth, width}; }
};

std::int64_t PartOf(const NodeContext& context, std::size_t i, std::int64_t heads) {
  const std::int64_t size = context.InputShape(i).back();
  if (size % heads != 0) {
    context.Invalid("input " + std::to_string(i) + " has shape " +
                    ShapeToString(context.InputShape(i)) + ", expected a multiple of " +
                    std::to_string(heads) + " heads last");
  }
  return size / heads;
}

void CheckPacked(const NodeContext& context, std::size_t i) {
  const Shape& x = context.InputShape(0);
  const Shape& shape = context.InputShape(i);
  if (shape.size() != 3 || x.size() != 3 || shape[0] != x[0] || shape[1] != x[1]) {
    context.Invalid("input " + std::to_string(i) + " has shape " + ShapeToString(shape) +
                    ", expected batch and tokens of input 0, " + ShapeToString(x) +
                    ", and one more size");
  }
}

// Which of the further inputs the rule has.
void ReadRule(const NodeContext& context, Heads& h) {
  const std::string rule = context.attributes().String("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta";
  const bool delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear") {
    context.Invalid("update_rule '" + rule + "', expected linear, gated, delta or gated_delta");
  }
  if (context.HasInput(kDecay) != gated || context.HasInput(kRate) != delta) {
    context.Invalid("update_rule '" + rule + "' and the inputs decay and beta do not go together");
  }
  if (gated) {
    CheckPacked(context, kDecay);
    h.decays = PartOf(context, kDecay, h.heads);
    if (h.decays != 1 && h.decays != h.depth) {
      context.Invalid("decay (input 4) has " + std::to_string(h.decays) +
                      " numbers to a head, expected 1 or " + std::to_string(h.depth));
    }
  }
  if (delta) {
    CheckPacked(context, kRate);
    h.rates = context.InputShape(kRate)[2];
    if (h.rates != 1 && h.rates != h.heads) {
      context.Invalid("beta (input 5) has " + std::to_string(h.rates) +
                      " numbers to a token, expected 1 or " + std::to_string(h.heads));
    }
  }
}

Heads HeadsOf(const NodeContext& context) {
  Heads h;
  h.query_heads = context.attributes().Int("q_num_heads", 0);
  h.heads = context.attributes().Int("kv_num_heads", 0);
  if (h.heads < 1 || h.query_heads < 1 || h.query_heads % h.heads != 0) {
    context.Invalid("q_num_heads must be a multiple of kv_num_heads, found " +
                    std::to_string(h.query_heads) + " and " + std::to_string(h.heads));
  }
  for (std::size_t i = 0; i < 3; ++i) CheckPacked(context, i);
  h.batch = context.InputShape(0)[0];
  h.tokens = context.InputShape(0)[1];
  h.depth = PartOf(context, 1, h.heads);
  h.width = PartOf(context, 2, h.heads);
  if (PartOf(context, 0, h.query_heads) != h.depth || h.depth == 0) {
    context.Invalid("queries and keys have " + std::to_string(PartOf(context, 0, h.query_heads)) +
                    " and " + std::to_string(h.depth) + " numbers to a head, expected as many");
  }
  constexpr std::int64_t kMostState = std::int64_t{1}
                                      << 26;  // numbers of a head: each thread has one
  if (h.width > 0 && h.depth > kMostState / h.width) {
    context.Unsupported("heads of " + std::to_string(h.depth) + " x " + std::to_string(h.width) +
                        " numbers, at most 2^26");
  }
  ReadRule(context, h);
  h.has_past = context.HasInput(kPast);
  if (h.has_past && context.InputShape(kPast) != h.state()) {
    context.Invalid("the past state (input 3) has shape " +
                    ShapeToString(context.InputShape(kPast)) + ", expected " +
                    ShapeToString(h.state()));
  }
  h.scale = static_cast<double>(context.attributes().Float("scale", 0.0f));
  if (h.scale == 0) h.scale = 1 / std::sqrt(static_cast<double>(h.depth));
  return h;
}

void InferLinearAttention(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 6);
  const Heads h = HeadsOf(context);
  context.SetOutput(0, context.InputType(0),
                    {h.batch, h.tokens, MultiplySizes(context, h.query_heads, h.width)});
  if (context.HasOutput(1)) context.SetOutput(1, context.InputType(0), h.state());
}

// One head of one image; `state` and `change` are scratch of depth * width and width numbers.
template <typename T>
class Head {
 public:
  Head(const Heads& h, const StepArgs& args, std::int64_t image, std::int64_t head)
      : h_(h), args_(args), image_(image), head_(head) {}

  void Run(T* state, T* change, T* last) const {
    const std::int64_t size = h_.depth * h_.width;
    if (h_.has_past) {
      std::copy_n(static_cast<const T*>(args_.inputs[kPast]) + (image_ * h_.heads + head_) * size,
                  size, state);
    } else {
      std::fill_n(state, size, T{0});
    }
    for (std::int64_t t = 0; t < h_.tokens; ++t) {
      const std::int64_t token = image_ * h_.tokens + t;
      Advance(token, state, change);
      if (args_.outputs[0] != nullptr) Answer(token, state);
    }
    if (last != nullptr) std::copy_n(state, size, last + (image_ * h_.heads + head_) * size);
  }

 private:
  // The numbers of a head, of `heads` that lie side by side.
  const T* Part(std::size_t i, std::int64_t token, std::int64_t heads, std::int64_t head,
                std::int64_t count) const {
    return static_cast<const T*>(args_.inputs[i]) + (token * heads + head) * count;
  }

  void Advance(std::int64_t token, T* state, T* change) const {
    const T* key = Part(1, token, h_.heads, head_, h_.depth);
    const T* value = Part(2, token, h_.heads, head_, h_.width);
    const T* decay = h_.decays == 0 ? nullptr : Part(kDecay, token, h_.heads, head_, h_.decays);
    std::copy_n(value, h_.width, change);
    for (std::int64_t d = 0; d < h_.depth; ++d) {
      T* row = state + d * h_.width;
      const T kept = decay == nullptr ? T{1} : std::exp(decay[h_.decays == 1 ? 0 : d]);
      for (std::int64_t w = 0; w < h_.width; ++w) {
        row[w] *= kept;
        if (h_.rates != 0) change[w] -= row[w] * key[d];
      }
    }
    if (h_.rates != 0) {
      const T rate = *Part(kRate, token, h_.rates, h_.rates == 1 ? 0 : head_, 1);
      for (std::int64_t w = 0; w < h_.width; ++w) change[w] *= rate;
    }
    for (std::int64_t d = 0; d < h_.depth; ++d) {
      for (std::int64_t w = 0; w < h_.width; ++w) state[d * h_.width + w] += key[d] * change[w];
    }
  }

  void Answer(std::int64_t token, const T* state) const {
    const std::int64_t group = h_.query_heads / h_.heads;
    for (std::int64_t q = head_ * group; q < (head_ + 1) * group; ++q) {
      const T* query = Part(0, token, h_.query_heads, q, h_.depth);
      T* y = static_cast<T*>(args_.outputs[0]) + (token * h_.query_heads + q) * h_.width;
      std::fill_n(y, h_.width, T{0});
      for (std::int64_t d = 0; d < h_.depth; ++d) {
        const T factor = query[d] * static_cast<T>(h_.scale);
        for (std::int64_t w = 0; w < h_.width; ++w) y[w] += factor * state[d * h_.width + w];
      }
    }
  }

  const Heads& h_;
  const StepArgs& args_;
  std::int64_t image_, head_;
};

// Units are the heads of all images.
std::unique_ptr<Step> PlanLinearAttention(PlanContext& context) {
  const Heads h = HeadsOf(context);
  const bool has_state = context.HasOutput(1);
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    auto step = MakeStep("reference/linear_attention", h.batch * h.heads,
                         [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                           T* state = reinterpret_cast<T*>(args.scratch);
                           T* last = has_state ? static_cast<T*>(args.outputs[1]) : nullptr;
                           for (std::int64_t unit = begin; unit < end; ++unit) {
                             Head<T>(h, args, unit / h.heads, unit % h.heads)
                                 .Run(state, state + h.depth * h.width, last);
                           }
                         });
    step->scratch_bytes = static_cast<std::size_t>((h.depth + 1) * h.width) * sizeof(T);
    return step;
  });
}

}  // namespace

const OpDef& OpLinearAttention() {
  static const OpDef def{.name = "LinearAttention",
                         .since = 27,
                         .min_inputs = 3,
                         .max_inputs = 6,
                         .max_outputs = 2,
                         .attributes = "chunk_size kv_num_heads q_num_heads scale update_rule",
                         .types = "float32, float64",
                         .infer = InferLinearAttention,
                         .plan = PlanLinearAttention};
  return def;
}

}  // namespace kinglet
