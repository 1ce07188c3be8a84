#include <cmath>
#include <functional>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test {
namespace {

struct Case {
  std::string rule;
  std::int64_t query_heads = 2, heads = 2, tokens = 5;
  bool past = false, decay_each = false, one_rate = false;
  float scale = 0;
};

constexpr std::int64_t kBatch = 2, kDepth = 3, kWidth = 4;

bool Gated(const Case& c) { return c.rule == "gated" || c.rule == "gated_delta"; }
bool Delta(const Case& c) { return c.rule == "delta" || c.rule == "gated_delta"; }

// Queries, keys, values, past, decay, beta; undefined where they are not there.
std::vector<Tensor> InputsOf(const Case& c) {
  std::vector<Tensor> in(6);
  in[0] = Random({kBatch, c.tokens, c.query_heads * kDepth}, 1);
  in[1] = Random({kBatch, c.tokens, c.heads * kDepth}, 2);
  in[2] = Random({kBatch, c.tokens, c.heads * kWidth}, 3);
  if (c.past) in[3] = Random({kBatch, c.heads, kDepth, kWidth}, 4);
  if (Gated(c)) in[4] = Random({kBatch, c.tokens, c.heads * (c.decay_each ? kDepth : 1)}, 5, -1, 0);
  if (Delta(c)) in[5] = Random({kBatch, c.tokens, c.one_rate ? 1 : c.heads}, 6, 0, 1);
  return in;
}

std::vector<Tensor> Apply(const Case& c, const std::vector<Tensor>& in) {
  Node node = MakeNode("LinearAttention", 6,
                       {{"update_rule", Attribute(c.rule)},
                        {"q_num_heads", Int(c.query_heads)},
                        {"kv_num_heads", Int(c.heads)},
                        {"scale", Float(c.scale)}},
                       27, 2);
  std::vector<const Tensor*> pointers;
  for (std::size_t i = 0; i < in.size(); ++i) {
    pointers.push_back(in[i].defined() ? &in[i] : nullptr);
    if (!in[i].defined()) node.inputs[i] = kNoValue;
  }
  return EvaluateNode(node, pointers);
}

// Token by token, in double, for one head of one image.
void ExpectHead(const Case& c, const std::vector<Tensor>& in, const std::vector<Tensor>& out,
                std::int64_t n, std::int64_t h) {
  double state[kDepth][kWidth] = {};
  const auto at = [&](std::size_t i, std::int64_t t, std::int64_t heads, std::int64_t head,
                      std::int64_t count, std::int64_t k) {
    return static_cast<double>(
        in[i].data<float>()[((n * c.tokens + t) * heads + head) * count + k]);
  };
  for (int d = 0; c.past && d < kDepth; ++d) {
    for (int w = 0; w < kWidth; ++w) {
      state[d][w] =
          static_cast<double>(in[3].data<float>()[((n * c.heads + h) * kDepth + d) * kWidth + w]);
    }
  }
  for (std::int64_t t = 0; t < c.tokens; ++t) {
    double change[kWidth];
    for (int w = 0; w < kWidth; ++w) {
      change[w] = at(2, t, c.heads, h, kWidth, w);
      for (int d = 0; d < kDepth; ++d) {
        if (Gated(c)) {
          state[d][w] *=
              std::exp(c.decay_each ? at(4, t, c.heads, h, kDepth, d) : at(4, t, c.heads, h, 1, 0));
        }
        if (Delta(c)) change[w] -= state[d][w] * at(1, t, c.heads, h, kDepth, d);
      }
      if (Delta(c)) change[w] *= c.one_rate ? at(5, t, 1, 0, 1, 0) : at(5, t, c.heads, h, 1, 0);
      for (int d = 0; d < kDepth; ++d) state[d][w] += at(1, t, c.heads, h, kDepth, d) * change[w];
    }
    const double scale = c.scale == 0 ? 1 / std::sqrt(3.0) : static_cast<double>(c.scale);
    const std::int64_t group = c.query_heads / c.heads;
    for (std::int64_t q = h * group; q < (h + 1) * group; ++q) {
      for (int w = 0; w < kWidth; ++w) {
        double sum = 0;
        for (int d = 0; d < kDepth; ++d) sum += at(0, t, c.query_heads, q, kDepth, d) * state[d][w];
        EXPECT_NEAR(out[0].data<float>()[((n * c.tokens + t) * c.query_heads + q) * kWidth + w],
                    sum * scale, 1e-5);
      }
    }
  }
  for (int d = 0; d < kDepth; ++d) {
    for (int w = 0; w < kWidth; ++w) {
      EXPECT_NEAR(out[1].data<float>()[((n * c.heads + h) * kDepth + d) * kWidth + w], state[d][w],
                  1e-5);
    }
  }
}

TEST(LinearAttention, EveryRule) {
  const Case cases[] = {
      {.rule = "linear"},
      {.rule = "linear", .query_heads = 6, .heads = 3, .past = true, .scale = 0.3f},
      {.rule = "gated", .decay_each = true},
      {.rule = "gated", .query_heads = 4, .heads = 1, .tokens = 1, .past = true},
      {.rule = "delta", .past = true},
      {.rule = "delta", .one_rate = true},
      {.rule = "gated_delta", .query_heads = 4, .past = true, .decay_each = true},
      {.rule = "gated_delta", .tokens = 0, .past = true}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.rule);
    const std::vector<Tensor> in = InputsOf(c), out = Apply(c, in);
    ASSERT_EQ(out[0].shape(), (Shape{kBatch, c.tokens, c.query_heads * kWidth}));
    ASSERT_EQ(out[1].shape(), (Shape{kBatch, c.heads, kDepth, kWidth}));
    for (std::int64_t n = 0; n < kBatch; ++n) {
      for (std::int64_t h = 0; h < c.heads; ++h) ExpectHead(c, in, out, n, h);
    }
  }
}

TEST(LinearAttention, Doubles) {
  const auto one = [](double v) { return Of<double>({1, 1, 1}, {v}); };
  const auto y = RunOp(
      "LinearAttention", {one(2), one(3), one(5)},
      {{"update_rule", Text("linear")}, {"q_num_heads", Int(1)}, {"kv_num_heads", Int(1)}}, 27);
  EXPECT_EQ(ValuesOf<double>(y), std::vector<double>{30});
}

TEST(LinearAttention, Wrong) {
  const auto wrong = [](Case c, const std::function<void(std::vector<Tensor>&)>& change) {
    std::vector<Tensor> in = InputsOf(c);
    change(in);
    ExpectError(ErrorCode::kInvalidModel, [&] { Apply(c, in); });
  };
  const auto nothing = [](std::vector<Tensor>&) {};
  wrong({.rule = "other"}, nothing);
  wrong({.rule = "linear", .query_heads = 3}, nothing);
  wrong({.rule = "linear", .query_heads = 0, .heads = 0}, nothing);
  const Case full{.rule = "gated_delta", .past = true};
  for (std::size_t i = 0; i < 6; ++i) {
    wrong(full, [i](std::vector<Tensor>& in) {
      Shape shape = in[i].shape();
      shape.back() += 1;
      in[i] = Random(shape, 1);
    });
    wrong(full, [i](std::vector<Tensor>& in) { in[i] = Random({2, 2}, 1); });
  }
  wrong(full, [](std::vector<Tensor>& in) { in[4] = Tensor(); });
  wrong(full, [](std::vector<Tensor>& in) { in[5] = Tensor(); });
  wrong({.rule = "linear"}, [](std::vector<Tensor>& in) { in[4] = Random({2, 5, 2}, 1); });
}

}  // namespace
}  // namespace kinglet::test
