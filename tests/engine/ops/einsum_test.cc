#include <map>
#include <string>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::einsum_test {
namespace {

Tensor Apply(const std::string& equation, const std::vector<Tensor>& inputs) {
  return RunOp("Einsum", inputs, {{"equation", Attribute(equation)}});
}

// By the definition: every combination of all letters. `terms` and `output` are written out,
// without ellipsis and spaces; sizes of 1 are repeated.
template <typename T>
Tensor Naive(const std::vector<std::string>& terms, const std::string& output,
             const std::vector<Tensor>& inputs) {
  std::map<char, std::int64_t> sizes;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (std::size_t d = 0; d < terms[i].size(); ++d) {
      std::int64_t& size = sizes.emplace(terms[i][d], 1).first->second;
      if (inputs[i].shape()[d] != 1) size = inputs[i].shape()[d];
    }
  }
  Shape shape;
  for (const char letter : output) shape.push_back(sizes[letter]);
  Tensor y(DataTypeOf<T>::value, shape);
  std::int64_t combinations = 1;
  for (const auto& entry : sizes) combinations *= entry.second;
  for (std::int64_t k = 0; k < combinations; ++k) {
    std::map<char, std::int64_t> at;
    std::int64_t rest = k;
    for (const auto& [letter, size] : sizes) {
      at[letter] = rest % size;
      rest /= size;
    }
    T product{1};
    for (std::size_t i = 0; i < terms.size(); ++i) {
      std::int64_t offset = 0;
      for (std::size_t d = 0; d < terms[i].size(); ++d) {
        const std::int64_t size = inputs[i].shape()[d];
        offset = offset * size + (size == 1 ? 0 : at[terms[i][d]]);
      }
      product = static_cast<T>(product * inputs[i].data<T>()[offset]);
    }
    std::int64_t offset = 0;
    for (const char letter : output) offset = offset * sizes[letter] + at[letter];
    y.data<T>()[offset] = static_cast<T>(y.data<T>()[offset] + product);
  }
  return y;
}

struct Case {
  const char* equation;
  std::vector<Shape> shapes;
  std::vector<std::string> terms;
  const char* output;
};

const Case kCases[] = {
    // One input: permutations, sums, diagonals.
    {"ij->ji", {{3, 4}}, {"ij"}, "ji"},
    {"ij", {{3, 4}}, {"ij"}, "ij"},
    {"ba", {{3, 4}}, {"ba"}, "ab"},
    {"bA", {{3, 4}}, {"bA"}, "Ab"},
    {"ij->", {{3, 4}}, {"ij"}, ""},
    {"ij->i", {{3, 4}}, {"ij"}, "i"},
    {"bij->bi", {{3, 4, 50}}, {"bij"}, "bi"},
    {"bij->ib", {{3, 4, 50}}, {"bij"}, "ib"},
    {"bij->bj", {{3, 4, 50}}, {"bij"}, "bj"},
    {"ii->i", {{4, 4}}, {"ii"}, "i"},
    {"ii", {{4, 4}}, {"ii"}, ""},
    {"iij->ji", {{3, 3, 4}}, {"iij"}, "ji"},
    {"...ii->...i", {{2, 3, 4, 4}}, {"abii"}, "abi"},
    {"... j -> j ...", {{2, 3, 4}}, {"abj"}, "jab"},
    {"...", {{2, 3}}, {"ab"}, "ab"},
    {"->", {{}}, {""}, ""},
    // Two inputs that are matrix products, as they lie or not.
    {"ij,jk->ik", {{5, 6}, {6, 7}}, {"ij", "jk"}, "ik"},
    {"ij,jk", {{5, 6}, {6, 7}}, {"ij", "jk"}, "ik"},
    {"ij,jk->ki", {{15, 16}, {16, 17}}, {"ij", "jk"}, "ki"},
    {"ji,jk->ik", {{16, 15}, {16, 17}}, {"ji", "jk"}, "ik"},
    {"ij,kj->ik", {{15, 16}, {17, 16}}, {"ij", "kj"}, "ik"},
    {"bhid,bhjd->bhij", {{1, 2, 15, 6}, {1, 2, 14, 6}}, {"bhid", "bhjd"}, "bhij"},
    {"bhij,bhjd->bihd", {{2, 3, 15, 6}, {2, 3, 6, 18}}, {"bhij", "bhjd"}, "bihd"},
    {"bihd,bjhd->bhij", {{2, 9, 3, 8}, {2, 7, 3, 8}}, {"bihd", "bjhd"}, "bhij"},
    {"nchw,cd->ndhw", {{2, 3, 5, 6}, {3, 4}}, {"nchw", "cd"}, "ndhw"},
    {"nchw,dc->ndhw", {{1, 8, 5, 6}, {4, 8}}, {"nchw", "dc"}, "ndhw"},
    {"bsd,dhk->bhsk", {{2, 70, 6}, {6, 3, 8}}, {"bsd", "dhk"}, "bhsk"},
    {"bsd,dh->bsh", {{2, 5, 6}, {6, 8}}, {"bsd", "dh"}, "bsh"},
    {"abc,cde->abde", {{3, 4, 5}, {5, 6, 2}}, {"abc", "cde"}, "abde"},
    {"abcd,cbe->ade", {{3, 4, 5, 2}, {5, 4, 9}}, {"abcd", "cbe"}, "ade"},
    {"aib,bja->ji", {{2, 19, 3}, {3, 18, 2}}, {"aib", "bja"}, "ji"},
    {"iajb,ac->icjb", {{3, 9, 4, 2}, {9, 8}}, {"iajb", "ac"}, "icjb"},
    {"...ij,...jk->...ik", {{2, 3, 9, 5}, {2, 3, 5, 8}}, {"abij", "abjk"}, "abik"},
    {"...ij,jk->...ik", {{2, 3, 9, 5}, {5, 8}}, {"abij", "jk"}, "abik"},
    {"...ij,...jk->...ik", {{2, 1, 9, 5}, {3, 5, 8}}, {"abij", "bjk"}, "abik"},
    {"...ij,...jk", {{3, 9, 5}, {3, 5, 8}}, {"aij", "ajk"}, "aik"},
    {"bij,bj->bi", {{3, 40, 50}, {3, 50}}, {"bij", "bj"}, "bi"},
    {"ij,j->i", {{40, 50}, {50}}, {"ij", "j"}, "i"},
    {"i,ij->j", {{40}, {40, 50}}, {"i", "ij"}, "j"},
    {"bij,bjk->ikb", {{3, 9, 8}, {3, 8, 7}}, {"bij", "bjk"}, "ikb"},
    // Two inputs that are none.
    {"i,j->ij", {{3}, {4}}, {"i", "j"}, "ij"},
    {"i,j->ji", {{3}, {4}}, {"i", "j"}, "ji"},
    {"i,i", {{5}, {5}}, {"i", "i"}, ""},
    {"ij,ij->ij", {{3, 4}, {3, 4}}, {"ij", "ij"}, "ij"},
    {"ij,ji->i", {{3, 4}, {4, 3}}, {"ij", "ji"}, "i"},
    {"ij,->ij", {{3, 4}, {}}, {"ij", ""}, "ij"},
    {"ij,jk->ik", {{3, 1}, {4, 5}}, {"ij", "jk"}, "ik"},
    {"ii,ij->j", {{4, 4}, {4, 3}}, {"ii", "ij"}, "j"},
    // Sums of one input alone.
    {"ij,kl->", {{3, 4}, {5, 6}}, {"ij", "kl"}, ""},
    {"ij,jk->k", {{3, 4}, {4, 5}}, {"ij", "jk"}, "k"},
    {"aij,jk->ak", {{9, 3, 8}, {8, 7}}, {"aij", "jk"}, "ak"},
    // More inputs.
    {"ij,jk,kl->il", {{9, 8}, {8, 7}, {7, 10}}, {"ij", "jk", "kl"}, "il"},
    {"i,j,k->kji", {{2}, {3}, {4}}, {"i", "j", "k"}, "kji"},
    {"bn,anm,bm->ba", {{2, 5}, {3, 5, 4}, {2, 4}}, {"bn", "anm", "bm"}, "ba"},
    {"a,ab,abc,cd->d", {{2}, {2, 3}, {2, 3, 4}, {4, 5}}, {"a", "ab", "abc", "cd"}, "d"},
    {"...a,...a,a->...", {{2, 3}, {2, 3}, {3}}, {"ba", "ba", "a"}, "b"},
};

TEST(Einsum, AsDefined) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.equation);
    std::vector<Tensor> inputs;
    for (const Shape& shape : c.shapes) {
      inputs.push_back(Random(shape, static_cast<unsigned>(inputs.size() + 1)));
    }
    ExpectNear(Apply(c.equation, inputs), Naive<float>(c.terms, c.output, inputs), 1e-4f);
  }
}

template <typename T>
void ExpectExact(const Case& c) {
  std::vector<Tensor> inputs;
  for (const Shape& shape : c.shapes) {
    inputs.emplace_back(DataTypeOf<T>::value, shape);
    for (std::int64_t i = 0; i < inputs.back().size(); ++i) {
      inputs.back().data<T>()[i] = static_cast<T>(i * 7 % 11 + 1);
    }
  }
  EXPECT_TRUE(testing::SameTensor(Naive<T>(c.terms, c.output, inputs), Apply(c.equation, inputs)))
      << c.equation << " " << DataTypeName(DataTypeOf<T>::value);
}

TEST(Einsum, EveryType) {
  for (const Case& c : kCases) {
    ExpectExact<double>(c);
    ExpectExact<std::int8_t>(c);
    ExpectExact<std::int32_t>(c);
    ExpectExact<std::int64_t>(c);
    ExpectExact<std::uint8_t>(c);
    ExpectExact<std::uint64_t>(c);
  }
}

// Constant weights are packed once; the batch may be cut.
TEST(Einsum, InANetworkOfAnyBatch) {
  const Tensor weights = Random({6, 20}, 3), turned = Random({20, 6}, 4);
  testing::GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 9, 6});
  const auto einsum = [&](const char* equation, std::vector<ValueId> inputs) {
    return b.Op("Einsum", std::move(inputs), MakeAttributes({{"equation", Text(equation)}}));
  };
  b.Output(einsum("bsd,dh->bsh", {x, b.Constant(weights)}), "plain");
  b.Output(einsum("bsd,hd->bsh", {x, b.Constant(turned)}), "turned");
  b.Output(einsum("dh,bsd->bsh", {b.Constant(weights), x}), "first");
  b.Output(einsum("bsd,btd->bst", {x, x}), "scores");
  b.Output(einsum("bsd,dh,hd->bs", {x, b.Constant(weights), b.Constant(turned)}), "three");
  const Model model = Model::Compile(b.Take(), {.threads = 2});
  Session session = model.NewSession();
  for (const std::int64_t batch : {1, 4}) {
    const Tensor input = Random({batch, 9, 6}, 5);
    const Tensors& y = session.Run({{"x", input}});
    ExpectNear(y.at("plain"), Naive<float>({"bsd", "dh"}, "bsh", {input, weights}), 1e-5f);
    ExpectNear(y.at("turned"), Naive<float>({"bsd", "hd"}, "bsh", {input, turned}), 1e-5f);
    ExpectNear(y.at("first"), Naive<float>({"bsd", "dh"}, "bsh", {input, weights}), 1e-5f);
    ExpectNear(y.at("scores"), Naive<float>({"bsd", "btd"}, "bst", {input, input}), 1e-5f);
    ExpectNear(y.at("three"), Naive<float>({"bsd", "dh", "hd"}, "bs", {input, weights, turned}),
               1e-4f);
  }
}

TEST(Einsum, Empty) {
  EXPECT_EQ(Apply("ij,jk->ik", {Random({0, 3}, 1), Random({3, 4}, 2)}).shape(), (Shape{0, 4}));
  EXPECT_EQ(ValuesOf<float>(Apply("ij,jk->ik", {Random({2, 0}, 1), Random({0, 2}, 2)})),
            (Floats{0, 0, 0, 0}));
  EXPECT_EQ(ValuesOf<float>(Apply("i->", {Random({0}, 1)})), Floats{0});
  EXPECT_EQ(Apply("i,j,k->ijk", {Random({2}, 1), Random({0}, 2), Random({3}, 3)}).shape(),
            (Shape{2, 0, 3}));
}

TEST(Einsum, Wrong) {
  const auto wrong = [](const char* equation, const std::vector<Shape>& shapes) {
    SCOPED_TRACE(equation);
    std::vector<Tensor> inputs;
    for (const Shape& shape : shapes) inputs.push_back(Random(shape, 1));
    ExpectError(ErrorCode::kInvalidModel, [&] { Apply(equation, inputs); });
  };
  wrong("ij,jk->ik", {{2, 3}});
  wrong("ij->ik", {{2, 3}});
  wrong("ij->ii", {{2, 3}});
  wrong("ij->i1", {{2, 3}});
  wrong("ij.->i", {{2, 3}});
  wrong("..ij->i", {{2, 3}});
  wrong("...i...->i", {{2, 3}});
  wrong("i->j->i", {{2}});
  wrong("ij", {{2}});
  wrong("ij", {{2, 3, 4}});
  wrong("ii", {{2, 3}});
  wrong("ij,jk->ik", {{2, 3}, {4, 5}});
  wrong("...i->i", {{2, 3}});
  wrong("", {{2, 3}});
  ExpectError(ErrorCode::kInvalidModel, [] { RunOp("Einsum", {Random({2}, 1)}); });
  ExpectError(ErrorCode::kInvalidModel, [] {
    Apply("i,i", {Random({2}, 1), testing::Iota(DataType::kInt32, {2})});
  });
  ExpectError(ErrorCode::kUnsupported,
              [] { Apply("i->i", {testing::Iota(DataType::kBool, {2})}); });
  const std::vector<Tensor> many(70, Random({2}, 1));
  std::string equation = "a";
  for (int i = 1; i < 70; ++i) equation += ",a";
  ExpectError(ErrorCode::kUnsupported, [&] { Apply(equation, many); });
}

}  // namespace
}  // namespace kinglet::test::einsum_test
