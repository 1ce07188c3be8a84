#include <cmath>
#include <functional>
#include <string>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::linear_attention_test {
namespace {

constexpr int kOpset = 27;

struct Net {
  std::int64_t images = 2, tokens = 4, heads = 4, key_heads = 2, key_size = 3, value_size = 5;
  std::string rule = "linear";
  float scale = 0;
  Tensor q, k, v, past, decay, beta;

  void Fill(unsigned seed) {
    q = Random({images, tokens, heads * key_size}, seed);
    k = Random({images, tokens, key_heads * key_size}, seed + 1);
    v = Random({images, tokens, key_heads * value_size}, seed + 2);
    if (rule == "gated" || rule == "gated_delta") {
      decay = Random({images, tokens, key_heads}, seed + 3, -1, 0);
    }
    if (rule == "delta" || rule == "gated_delta") {
      beta = Random({images, tokens, key_heads}, seed + 4, 0, 1);
    }
  }
};

// The recurrence for one head of queries of one image, number by number.
class Naive {
 public:
  explicit Naive(const Net& net) : n_(net) {
    y = Tensor(DataType::kFloat32, {n_.images, n_.tokens, n_.heads * n_.value_size});
    state = Tensor(DataType::kFloat32, {n_.images, n_.key_heads, n_.key_size, n_.value_size});
    for (std::int64_t n = 0; n < n_.images; ++n) {
      for (std::int64_t h = 0; h < n_.heads; ++h) Head(n, h);
    }
  }
  Tensor y, state;

 private:
  // Value i of `size` that belong to a head of a token; one for all heads where there is one.
  static double Of(const Tensor& t, std::int64_t n, std::int64_t token, std::int64_t head,
                   std::int64_t i, std::int64_t size) {
    const std::int64_t width = t.shape()[2];
    const std::int64_t at = width == 1 ? 0 : head * size + i;
    return t.data<float>()[(n * t.shape()[1] + token) * width + at];
  }

  void Head(std::int64_t n, std::int64_t h) {
    const std::int64_t kh = h / (n_.heads / n_.key_heads);
    const std::int64_t rows = n_.key_size, columns = n_.value_size;
    std::vector<std::vector<double>> s(static_cast<std::size_t>(rows),
                                       std::vector<double>(static_cast<std::size_t>(columns)));
    const auto at = [&](std::int64_t d, std::int64_t m) -> double& {
      return s[static_cast<std::size_t>(d)][static_cast<std::size_t>(m)];
    };
    const auto stored = [&](std::int64_t d, std::int64_t m) {
      return ((n * n_.key_heads + kh) * rows + d) * columns + m;
    };
    for (std::int64_t d = 0; n_.past.defined() && d < rows; ++d) {
      for (std::int64_t m = 0; m < columns; ++m) at(d, m) = n_.past.data<float>()[stored(d, m)];
    }
    const double scale = n_.scale != 0 ? n_.scale : 1 / std::sqrt(static_cast<double>(rows));
    for (std::int64_t t = 0; t < n_.tokens; ++t) {
      for (std::int64_t d = 0; n_.decay.defined() && d < rows; ++d) {
        const bool each = n_.decay.shape()[2] != n_.key_heads;
        const double g = Of(n_.decay, n, t, kh, each ? d : 0, each ? rows : 1);
        for (std::int64_t m = 0; m < columns; ++m) at(d, m) *= std::exp(g);
      }
      for (std::int64_t m = 0; m < columns; ++m) {
        double value = Of(n_.v, n, t, kh, m, columns);
        if (n_.beta.defined()) {
          for (std::int64_t d = 0; d < rows; ++d) value -= at(d, m) * Of(n_.k, n, t, kh, d, rows);
          value *= Of(n_.beta, n, t, kh, 0, 1);
        }
        double sum = 0;
        for (std::int64_t d = 0; d < rows; ++d) {
          at(d, m) += Of(n_.k, n, t, kh, d, rows) * value;
          sum += Of(n_.q, n, t, h, d, rows) * at(d, m);
        }
        y.data<float>()[((n * n_.tokens + t) * n_.heads + h) * columns + m] =
            static_cast<float>(scale * sum);
      }
    }
    for (std::int64_t d = 0; d < rows; ++d) {
      for (std::int64_t m = 0; m < columns; ++m) {
        state.data<float>()[stored(d, m)] = static_cast<float>(at(d, m));
      }
    }
  }

  const Net& n_;
};

std::vector<Tensor> Evaluate(const Net& n) {
  Attributes attributes =
      MakeAttributes({{"q_num_heads", Int(n.heads)}, {"kv_num_heads", Int(n.key_heads)}});
  attributes.Set("update_rule", n.rule);
  if (n.scale != 0) attributes.Set("scale", n.scale);
  return EvaluateOp("LinearAttention", {n.q, n.k, n.v, n.past, n.decay, n.beta}, attributes, kOpset,
                    2);
}

void ExpectDefinition(const Net& n) {
  const std::vector<Tensor> found = Evaluate(n);
  const Naive expected(n);
  ExpectNear(found[0], expected.y, 1e-5f);
  ExpectNear(found[1], expected.state, 1e-5f);
}

TEST(LinearAttention, EveryRule) {
  for (const char* rule : {"linear", "gated", "delta", "gated_delta"}) {
    for (const std::int64_t key_heads : {1, 2, 4}) {
      Net net;
      net.rule = rule;
      net.key_heads = key_heads;
      net.Fill(3);
      SCOPED_TRACE(rule);
      ExpectDefinition(net);
      net.past = Random({2, key_heads, 3, 5}, 9);
      net.scale = 0.25f;
      ExpectDefinition(net);
    }
  }
}

TEST(LinearAttention, FormsOfDecayAndBeta) {
  Net net;
  net.rule = "gated_delta";
  net.Fill(5);
  net.decay = Random({2, 4, 6}, 7, -1, 0);
  net.beta = Random({2, 4, 1}, 8, 0, 1);
  ExpectDefinition(net);
}

TEST(LinearAttention, EmptyAndWrong) {
  Net net;
  net.tokens = 0;
  net.Fill(1);
  net.past = Random({2, 2, 3, 5}, 9);
  ExpectNear(Evaluate(net)[1], net.past, 0);
  const auto refused = [](const char* rule, const std::function<void(Net&)>& change) {
    Net n;
    n.rule = rule;
    n.Fill(1);
    change(n);
    ExpectError(ErrorCode::kInvalidModel, [&] { Evaluate(n); });
  };
  refused("other", [](Net&) {});
  refused("linear", [](Net& n) { n.heads = 3; });
  refused("linear", [](Net& n) { n.key_heads = 0; });
  refused("linear", [](Net& n) { n.decay = Random({2, 4, 2}, 1); });
  refused("linear", [](Net& n) { n.k = Random({2, 4, 5}, 1); });
  refused("linear", [](Net& n) { n.v = Random({2, 3, 10}, 1); });
  refused("linear", [](Net& n) { n.past = Random({2, 2, 5, 3}, 1); });
  refused("gated", [](Net& n) { n.decay = Tensor(); });
  refused("gated", [](Net& n) { n.decay = Random({2, 4, 5}, 1); });
  refused("delta", [](Net& n) { n.beta = Random({2, 4, 3}, 1); });
}

}  // namespace
}  // namespace kinglet::test::linear_attention_test
