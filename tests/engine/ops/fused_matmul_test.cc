#include <cmath>

#include "engine/graph/contrib.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::fused_matmul_test {
namespace {

struct Flags {
  bool trans_a, trans_b, batch_a, batch_b;
};

Tensor Permuted(const Tensor& x, const Ints& perm) {
  return RunOp("Transpose", {x}, {{"perm", perm}});
}

// The operand as MatMul takes it.
Tensor Plain(Tensor x, bool transposed, bool batch_last) {
  const std::size_t rank = x.shape().size();
  if (batch_last && rank == 3) x = Permuted(x, {1, 0, 2});
  if (batch_last && rank == 4) x = Permuted(x, {1, 2, 0, 3});
  if (!transposed) return x;
  if (rank == 2) return Permuted(x, {1, 0});
  return Permuted(x, rank == 3 ? Ints{0, 2, 1} : Ints{0, 1, 3, 2});
}

// A tensor that Plain makes one of this shape.
Tensor Stored(Shape shape, bool transposed, bool batch_last, unsigned seed) {
  const std::size_t rank = shape.size();
  if (transposed) std::swap(shape[rank - 1], shape[rank - 2]);
  if (batch_last && rank > 2) {
    const std::int64_t rows = shape[rank - 2];
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(rank) - 2);
    shape.insert(shape.begin(), rows);
  }
  return Random(shape, seed);
}

Node MakeFused(const Flags& flags, float alpha) {
  Node node =
      testing::MakeNode("FusedMatMul", 2, {}, kContribOpset, 1, std::string(kContribDomain));
  node.attributes = MakeAttributes({{"transA", Int(flags.trans_a)},
                                    {"transB", Int(flags.trans_b)},
                                    {"transBatchA", Int(flags.batch_a)},
                                    {"transBatchB", Int(flags.batch_b)},
                                    {"alpha", Float(alpha)}});
  return node;
}

TEST(FusedMatMul, EveryWayToStoreTheOperands) {
  struct Pair {
    Shape a, b;
  };
  for (const Pair& shapes : std::vector<Pair>{{{3, 5}, {5, 4}},
                                              {{2, 3, 5}, {5, 4}},
                                              {{2, 3, 5}, {2, 5, 4}},
                                              {{2, 3, 70, 5}, {2, 1, 5, 4}},
                                              {{3, 5}, {2, 3, 5, 4}}}) {
    for (int mask = 0; mask < 16; ++mask) {
      const Flags flags{(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0, (mask & 8) != 0};
      const Tensor a = Stored(shapes.a, flags.trans_a, flags.batch_a, 1);
      const Tensor b = Stored(shapes.b, flags.trans_b, flags.batch_b, 2);
      const Tensor product = RunOp("MatMul", {Plain(a, flags.trans_a, flags.batch_a),
                                              Plain(b, flags.trans_b, flags.batch_b)});
      const Tensor expected = RunOp("Mul", {product, Of<float>({}, {0.5f})});
      SCOPED_TRACE(ShapeToString(shapes.a) + " " + ShapeToString(shapes.b) + " " +
                   std::to_string(mask));
      const Tensor* inputs[] = {&a, &b};
      ExpectNear(EvaluateNode(MakeFused(flags, 0.5f), inputs)[0], expected, 1e-5f);
      const Tensor a64 = RunOp("Cast", {a}, {{"to", Int(11)}});
      const Tensor b64 = RunOp("Cast", {b}, {{"to", Int(11)}});
      const Tensor* wide[] = {&a64, &b64};
      ExpectNear(RunOp("Cast", {EvaluateNode(MakeFused(flags, 0.5f), wide)[0]}, {{"to", Int(1)}}),
                 expected, 1e-5f);
    }
  }
}

// Both operands being made when the network runs, as BLAS takes them.
TEST(FusedMatMul, OfActivations) {
  for (int mask = 0; mask < 16; ++mask) {
    const Flags flags{(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0, (mask & 8) != 0};
    const Tensor a = Stored({2, 3, 70, 5}, flags.trans_a, flags.batch_a, 1);
    const Tensor b = Stored({2, 3, 5, 4}, flags.trans_b, flags.batch_b, 2);
    testing::GraphBuilder builder;
    const ValueId in_a = builder.Input("a", a.shape()), in_b = builder.Input("b", b.shape());
    const ValueId y = builder.Op("FusedMatMul", {in_a, in_b}, MakeFused(flags, 2).attributes);
    builder.ir().nodes.back().domain = kContribDomain;
    builder.ir().nodes.back().opset = kContribOpset;
    builder.Output(y, "y");
    const Model model = Model::Compile(builder.Take(), {.threads = 1});
    const Tensor found = model.NewSession().Run({{"a", a}, {"b", b}}).at("y");
    const Tensor product = RunOp(
        "MatMul", {Plain(a, flags.trans_a, flags.batch_a), Plain(b, flags.trans_b, flags.batch_b)});
    ExpectNear(found, RunOp("Add", {product, product}), 1e-5f);
  }
}

TEST(FusedMatMul, VectorsAndWrong) {
  const Flags both{true, true, false, false};
  const Tensor a = Random({5}, 1), b = Random({5}, 2), long_one = Random({6}, 3);
  const Tensor* inputs[] = {&a, &b};
  ExpectNear(EvaluateNode(MakeFused(both, 1), inputs)[0], RunOp("MatMul", {a, b}), 1e-5f);
  const Tensor* wrong[] = {&a, &long_one};
  ExpectError(ErrorCode::kInvalidModel, [&] { EvaluateNode(MakeFused(both, 1), wrong); });
}

}  // namespace
}  // namespace kinglet::test::fused_matmul_test
