#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "engine/op/op.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::attention_test {
namespace {

constexpr int kOpset = 24;
constexpr double kNever = -std::numeric_limits<double>::infinity();

// Sizes, what is masked, and how; all tensors of four dimensions.
struct Net {
  std::int64_t images = 2, heads = 2, key_heads = 2, queries = 3, past = 0, keys = 4;
  std::int64_t key_size = 5, value_size = 6;
  double scale = 0, softcap = 0;  // 0: the usual scale, no cap
  bool causal = false;
  std::int64_t left = -1, right = -1;
  int mode = 0;
  Tensor q, k, v, mask, past_key, past_value, lengths;

  void Fill(unsigned seed) {
    q = Random({images, heads, queries, key_size}, seed);
    k = Random({images, key_heads, keys, key_size}, seed + 1);
    v = Random({images, key_heads, keys, value_size}, seed + 2);
    if (past == 0) return;
    past_key = Random({images, key_heads, past, key_size}, seed + 3);
    past_value = Random({images, key_heads, past, value_size}, seed + 4);
  }
  std::int64_t all_keys() const { return past + keys; }
  std::vector<Tensor> Inputs() const { return {q, k, v, mask, past_key, past_value, lengths}; }
};

// Element (image, head, row, column) of a tensor of four dimensions.
float At(const Tensor& t, std::int64_t n, std::int64_t h, std::int64_t i, std::int64_t j) {
  const Shape& s = t.shape();
  return t.data<float>()[((n * s[1] + h) * s[2] + i) * s[3] + j];
}

class Naive {
 public:
  explicit Naive(const Net& net) : n_(net) {
    y = Tensor(DataType::kFloat32, {n_.images, n_.heads, n_.queries, n_.value_size});
    scores = Tensor(DataType::kFloat32, {n_.images, n_.heads, n_.queries, n_.all_keys()});
    for (std::int64_t n = 0; n < n_.images; ++n) {
      for (std::int64_t h = 0; h < n_.heads; ++h) {
        for (std::int64_t i = 0; i < n_.queries; ++i) Query(n, h, i);
      }
    }
  }
  Tensor y, scores;

 private:
  double KeyAt(std::int64_t n, std::int64_t h, std::int64_t j, std::int64_t e) const {
    return j < n_.past ? At(n_.past_key, n, h, j, e) : At(n_.k, n, h, j - n_.past, e);
  }
  double ValueAt(std::int64_t n, std::int64_t h, std::int64_t j, std::int64_t e) const {
    return j < n_.past ? At(n_.past_value, n, h, j, e) : At(n_.v, n, h, j - n_.past, e);
  }
  std::int64_t LengthOf(std::int64_t n) const { return n_.lengths.data<std::int64_t>()[n]; }

  // What is added to a score: minus infinity where the key is not seen.
  double Bias(std::int64_t n, std::int64_t h, std::int64_t i, std::int64_t j) const {
    const std::int64_t place = i + (n_.lengths.defined() ? LengthOf(n) - n_.queries : n_.past);
    if (n_.lengths.defined() && j >= LengthOf(n)) return kNever;
    if (n_.causal && j > place) return kNever;
    if (n_.left >= 0 && j < place - n_.left) return kNever;
    if (n_.right >= 0 && j > place + n_.right) return kNever;
    if (!n_.mask.defined()) return 0;
    Shape shape(4 - n_.mask.shape().size(), 1);
    shape.insert(shape.end(), n_.mask.shape().begin(), n_.mask.shape().end());
    if (j >= shape[3]) return kNever;
    const std::int64_t index[] = {n, h, i, j};
    std::int64_t at = 0;
    for (std::size_t d = 0; d < 4; ++d) at = at * shape[d] + (shape[d] == 1 ? 0 : index[d]);
    if (n_.mask.type() == DataType::kBool) return n_.mask.data<bool>()[at] ? 0 : kNever;
    return n_.mask.data<float>()[at];
  }

  void Query(std::int64_t n, std::int64_t h, std::int64_t i) {
    const std::int64_t kh = h / (n_.heads / n_.key_heads);
    const auto keys = static_cast<std::size_t>(n_.all_keys());
    std::vector<double> products(keys), capped(keys), masked(keys), weights(keys, 0.0);
    double largest = kNever;
    for (std::size_t j = 0; j < keys; ++j) {
      const auto key = static_cast<std::int64_t>(j);
      for (std::int64_t e = 0; e < n_.key_size; ++e) {
        products[j] += At(n_.q, n, h, i, e) * KeyAt(n, kh, key, e);
      }
      products[j] *= n_.scale != 0 ? n_.scale : 1 / std::sqrt(static_cast<double>(n_.key_size));
      capped[j] = n_.softcap > 0 ? n_.softcap * std::tanh(products[j] / n_.softcap) : products[j];
      masked[j] = capped[j] + Bias(n, h, i, key);
      largest = std::max(largest, masked[j]);
    }
    double sum = 0;
    for (std::size_t j = 0; largest > kNever && j < keys; ++j) {
      sum += weights[j] = std::exp(masked[j] - largest);
    }
    for (std::size_t j = 0; sum > 0 && j < keys; ++j) weights[j] /= sum;
    const std::vector<double>* const shown[] = {&products, &capped, &masked, &weights};
    const std::int64_t row = (n * n_.heads + h) * n_.queries + i;
    for (std::size_t j = 0; j < keys; ++j) {
      scores.data<float>()[row * n_.all_keys() + static_cast<std::int64_t>(j)] =
          static_cast<float>((*shown[n_.mode])[j]);
    }
    for (std::int64_t e = 0; e < n_.value_size; ++e) {
      double value = 0;
      for (std::size_t j = 0; j < keys; ++j) {
        value += weights[j] * ValueAt(n, kh, static_cast<std::int64_t>(j), e);
      }
      y.data<float>()[row * n_.value_size + e] = static_cast<float>(value);
    }
  }

  const Net& n_;
};

Attributes AttributesOf(const Net& n) {
  Attributes attributes;
  if (n.scale != 0) attributes.Set("scale", static_cast<float>(n.scale));
  if (n.softcap != 0) attributes.Set("softcap", static_cast<float>(n.softcap));
  if (n.causal) attributes.Set("is_causal", Int(1));
  if (n.left >= 0) attributes.Set("left_window_size", Int(n.left));
  if (n.right >= 0) attributes.Set("right_window_size", Int(n.right));
  attributes.Set("qk_matmul_output_mode", Int(n.mode));
  return attributes;
}

Tensor As(int type, const Tensor& tensor) {
  const bool casts = tensor.defined() &&
                     (tensor.type() == DataType::kFloat32 || tensor.type() == DataType::kFloat64);
  return casts ? RunOp("Cast", {tensor}, {{"to", Int(type)}}) : tensor;
}

// {images, heads, rows, size} as {images, rows, heads * size}.
Tensor Flat(const Tensor& tensor) {
  const Shape& s = tensor.shape();
  return RunOp("Transpose", {tensor}, {{"perm", Ints{0, 2, 1, 3}}})
      .Reshaped({s[0], s[2], s[1] * s[3]});
}

constexpr int kFloat = 1, kDouble = 11;

// In both element types, of four dimensions and of three.
void ExpectDefinition(const Net& n, int opset = kOpset) {
  const Naive expected(n);
  for (const int type : {kFloat, kDouble}) {
    for (const bool flat : {false, true}) {
      std::vector<Tensor> inputs = n.Inputs();
      Attributes attributes = AttributesOf(n);
      if (flat) {
        for (std::size_t i = 0; i < 3; ++i) inputs[i] = Flat(inputs[i]);
        attributes.Set("q_num_heads", Int(n.heads));
        attributes.Set("kv_num_heads", Int(n.key_heads));
      }
      for (Tensor& input : inputs) input = As(type, input);
      const std::vector<Tensor> found = EvaluateOp("Attention", inputs, attributes, opset, 4);
      ExpectNear(As(kFloat, found[0]), flat ? Flat(expected.y) : expected.y, 1e-5f);
      ExpectNear(As(kFloat, found[3]), expected.scores, 1e-5f);
      const auto whole = [&](const Tensor& past, const Tensor& now) {
        return past.defined() ? RunOp("Concat", {past, now}, {{"axis", Int(2)}}) : now;
      };
      ExpectNear(As(kFloat, found[1]), whole(n.past_key, n.k), 0);
      ExpectNear(As(kFloat, found[2]), whole(n.past_value, n.v), 0);
    }
  }
}

TEST(Attention, SizesAndSharedHeads) {
  for (const std::int64_t queries : {1, 63, 64, 65, 130}) {
    for (const std::int64_t key_heads : {1, 2, 4}) {
      Net net;
      net.heads = 4;
      net.key_heads = key_heads;
      net.queries = queries;
      net.keys = 9;
      net.Fill(3);
      SCOPED_TRACE(std::to_string(queries) + " " + std::to_string(key_heads));
      ExpectDefinition(net, 23);
    }
  }
}

TEST(Attention, PastKeys) {
  for (const bool causal : {false, true}) {
    Net net;
    net.past = 3;
    net.causal = causal;
    net.Fill(5);
    ExpectDefinition(net);
  }
}

TEST(Attention, ScaleCapAndWhatTheFourthOutputShows) {
  for (int mode = 0; mode < 4; ++mode) {
    Net net;
    net.scale = 0.75;
    net.softcap = 0.5;
    net.causal = true;
    net.mode = mode;
    net.Fill(7);
    SCOPED_TRACE(mode);
    ExpectDefinition(net);
  }
}

TEST(Attention, MasksThatBroadcast) {
  for (const Shape& shape : {Shape{4}, Shape{3, 4}, Shape{1, 4}, Shape{2, 3, 4}, Shape{2, 1, 3, 4},
                             Shape{1, 2, 1, 4}, Shape{2, 2, 3, 4}, Shape{3, 2}}) {
    Net net;
    net.Fill(11);
    net.mask = Random(shape, 13);
    SCOPED_TRACE(ShapeToString(shape));
    ExpectDefinition(net);
    net.mask = RunOp("Greater", {net.mask, Of<float>({}, {-0.3f})});
    ExpectDefinition(net);
  }
}

// What no key is seen of is zero.
TEST(Attention, QueriesThatSeeNothing) {
  Net net;
  net.Fill(17);
  net.mask = Tensor(DataType::kBool, {3, 4});
  std::fill_n(net.mask.data<bool>(), 12, false);
  net.mask.data<bool>()[5] = true;
  for (net.mode = 0; net.mode < 4; ++net.mode) ExpectDefinition(net);
}

TEST(Attention, Windows) {
  for (const std::int64_t left : {-1, 0, 2, 100}) {
    for (const std::int64_t right : {-1, 0, 1, 100}) {
      for (const std::int64_t past : {0, 3}) {
        Net net;
        net.queries = 5;
        net.keys = 6;
        net.past = past;
        net.left = left;
        net.right = right;
        net.Fill(19);
        SCOPED_TRACE(std::to_string(left) + " " + std::to_string(right));
        ExpectDefinition(net);
      }
    }
  }
}

TEST(Attention, KeysThatAreThere) {
  for (const bool causal : {false, true}) {
    Net net;
    net.images = 4;
    net.causal = causal;
    net.Fill(23);
    net.lengths = Of<std::int64_t>({4}, {0, 2, 3, 4});
    ExpectDefinition(net);
  }
}

TEST(Attention, Empty) {
  for (const auto& [queries, keys, key_size, value_size] :
       std::vector<std::array<std::int64_t, 4>>{{0, 4, 5, 6}, {3, 0, 5, 6}, {3, 4, 5, 0}}) {
    Net net;
    net.queries = queries;
    net.keys = keys;
    net.key_size = key_size;
    net.value_size = value_size;
    net.Fill(29);
    const std::vector<Tensor> found =
        EvaluateOp("Attention", net.Inputs(), AttributesOf(net), kOpset, 1);
    ExpectNear(found[0], Naive(net).y, 1e-5f);
  }
}

TEST(Attention, WrongInputs) {
  Net net;
  net.Fill(31);
  const auto run = [&](std::size_t input, const Tensor& tensor, AttributeList more = {}) {
    std::vector<Tensor> inputs = net.Inputs();
    if (input < inputs.size()) inputs[input] = tensor;
    return EvaluateOp("Attention", inputs, MakeAttributes(more), kOpset, 1);
  };
  const std::size_t none = 99;
  EXPECT_NO_THROW(run(none, {}));
  for (const std::size_t i : {0U, 1U, 2U}) {
    ExpectError(ErrorCode::kInvalidModel, [&] { run(i, Random({2, 2, 7, 7}, 1)); });
    ExpectError(ErrorCode::kInvalidModel, [&] { run(i, Random({2, 2, 7}, 1)); });
  }
  for (const Shape& shape :
       {Shape{}, Shape{5}, Shape{2, 4}, Shape{3, 2, 3, 4}, Shape{1, 1, 1, 1, 4}}) {
    ExpectError(ErrorCode::kInvalidModel, [&] { run(3, Random(shape, 1)); });
  }
  ExpectError(ErrorCode::kInvalidModel, [&] { run(3, Of<std::int32_t>({1}, {1})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(4, Random({2, 2, 3, 5}, 1)); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(6, Of<std::int64_t>({1}, {1})); });
  ExpectError(ErrorCode::kInvalidInput, [&] { run(6, Of<std::int64_t>({2}, {1, 5})); });
  ExpectError(ErrorCode::kInvalidInput, [&] { run(6, Of<std::int64_t>({2}, {-1, 4})); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run(none, {}, {{"qk_matmul_output_mode", Int(4)}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(none, {}, {{"left_window_size", Int(-2)}}); });
  // Without the numbers of heads, and with some that do not divide.
  for (const std::int64_t heads : {0, 3}) {
    ExpectError(ErrorCode::kInvalidModel, [&] {
      const Tensor x = Random({1, 2, 8}, 1);
      EvaluateOp("Attention", {x, x, x},
                 MakeAttributes({{"q_num_heads", Int(heads)}, {"kv_num_heads", Int(2)}}), kOpset);
    });
  }
}

}  // namespace
}  // namespace kinglet::test::attention_test
