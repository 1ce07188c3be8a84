// Every operator with inputs that are known before running: the values are computed then, and are
// those of a run.
#include <gtest/gtest.h>

#include "kinglet/model.h"
#include "tests/engine/ops/fold_cases.h"
#include "tests/support/op_runner.h"

namespace kinglet::test::fold_test {
namespace {

std::vector<Tensor> Run(const FoldCase& of, bool constant, bool optimize) {
  FoldGraph graph(constant);
  of.build(graph);
  const Model model = Model::Compile(
      graph.Take(), {.threads = 1, .optimize = optimize, .winograd = false, .use_cache = false});
  Session session = model.NewSession();
  const Tensors& named = session.Run(graph.inputs());
  std::vector<Tensor> outputs;
  for (const TensorInfo& info : model.outputs()) outputs.push_back(named.at(info.name));
  return outputs;
}

void ExpectFolds(const FoldCase& of) {
  SCOPED_TRACE(of.domain + (of.domain.empty() ? "" : ".") + of.op);
  try {
    const std::vector<Tensor> expected = Run(of, false, false);
    for (const bool optimize : {true, false}) {
      const std::vector<Tensor> found = Run(of, true, optimize);
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t k = 0; k < found.size(); ++k) {
        EXPECT_TRUE(kinglet::testing::NearTensor(expected[k], found[k], 1e-4, 1e-5))
            << "output " << k << (optimize ? "" : ", not optimised");
      }
    }
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
}

bool IsValid(const FoldCase& of) {
  try {
    Run(of, false, false);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(Fold, EveryOperatorOfConstants) {
  for (const OpDef* op : AllOps()) {
    bool tried = false;
    for (const FoldCase& of : FoldCases()) {
      if (of.op != op->name || of.domain != op->domain) continue;
      ExpectFolds(of);
      tried = true;
    }
    if (tried) continue;
    for (const FoldCase& guess : GuessedCases(*op)) {
      if (!IsValid(guess)) continue;
      ExpectFolds(guess);
      tried = true;
      break;
    }
    EXPECT_TRUE(tried) << op->name << " of the domain '" << op->domain
                       << "' needs an entry in tests/engine/ops/fold_cases.cc";
  }
}

// What is known only once the shapes of the inputs are: x + Conv(Expand(c, shape of x)).
TEST(Fold, AConvolutionThatIsKnownOnceTheBatchIs) {
  for (const bool optimize : {true, false}) {
    kinglet::testing::GraphBuilder b;
    const ValueId x = b.Input("x", {-1, 8, 6, 6});
    const Tensor c = Random({1, 8, 6, 6}, 1);
    const ValueId wide = b.Op("Expand", {b.Constant(c), b.Op("Shape", {x})});
    const ValueId conv = b.Op("Conv", {wide, b.Constant(Random({8, 8, 3, 3}, 2))},
                              MakeAttributes({{"pads", Attribute(Ints{1, 1, 1, 1})}}));
    b.Output(b.Op("Add", {x, conv}), "y");
    const Model model = Model::Compile(
        b.Take(), {.threads = 1, .optimize = optimize, .winograd = false, .use_cache = false});
    Session session = model.NewSession();
    const Tensor one =
        RunOp("Conv", {c, Random({8, 8, 3, 3}, 2)}, {{"pads", Attribute(Ints{1, 1, 1, 1})}});
    for (const std::int64_t batch : {1, 3}) {
      const Tensor input = Random({batch, 8, 6, 6}, 5);
      ExpectNear(session.Run({{"x", input}}).at("y"), RunOp("Add", {input, one}), 1e-5f);
    }
  }
}

}  // namespace
}  // namespace kinglet::test::fold_test
