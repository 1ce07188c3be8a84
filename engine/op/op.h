// What an operator is to the engine: its signature, its shape inference, and how it plans.
//
// To add one: engine/ops/<op>.cc defines `const OpDef& Op<Name>()`, ops.inc names it, and
// tests/engine/ops/<op>_test.cc tests it (docs/add_an_operator.md).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/graph/tensor_desc.h"
#include "engine/op/step.h"
#include "kernels/common/packed_format.h"
#include "kinglet/error.h"
#include "kinglet/tensor.h"

namespace kinglet {

struct CostModel;  // engine/cost/cost_model.h
class RunContext;  // engine/op/run_context.h

// Versions of ONNX's operator set that are known. Operators whose forms before version 7 are not
// known begin there.
inline constexpr int kMinOpset = 1;
inline constexpr int kFirstSettledOpset = 7;
inline constexpr int kMaxOpset = 28;
inline constexpr std::size_t kMaxRank = 8;  // of tensors at run time
inline constexpr int kAnyCount = 1 << 30;   // upper bound of a variadic operator

// Thrown where a value that is demanded is not known before running: the node must wait for it.
class DependsOnData : public Error {
 public:
  explicit DependsOnData(const std::string& what) : Error(ErrorCode::kUnsupported, what) {}
};

// The common part of inference, planning and running: a node with the types, shapes and, where they
// are known before running, values of its inputs. All errors name the node.
class NodeContext {
 public:
  virtual ~NodeContext() = default;

  const Node& node() const { return *node_; }
  const Attributes& attributes() const { return node_->attributes; }
  int opset() const { return node_->opset; }

  std::size_t input_count() const { return node_->inputs.size(); }
  std::size_t output_count() const { return node_->outputs.size(); }
  bool HasInput(std::size_t i) const { return node_->input(i) != kNoValue; }
  bool HasOutput(std::size_t i) const {
    return i < node_->outputs.size() && node_->outputs[i] != kNoValue;
  }
  virtual DataType InputType(std::size_t i) const = 0;
  virtual const Shape& InputShape(std::size_t i) const = 0;
  // The input's value where it is known before running (constants and shape arithmetic), or null;
  // null for an absent input too. Weights that were dropped are made again for it: ask for them
  // where they are packed, and IsKnown where it is enough that they are there.
  virtual const Tensor* InputValue(std::size_t i) const = 0;
  // Whether InputValue returns one.
  virtual bool IsKnown(std::size_t i) const { return InputValue(i) != nullptr; }

  // The value of an input without which the operator cannot infer or plan: what is asked here and
  // depends on data makes the node wait until that is there. `what` names it ("the shape"). Throws
  // DependsOnData.
  const Tensor& DemandedValue(std::size_t i, std::string_view what) const;
  // The same as integers (of an int64 or int32 input), and as floats (of a float or double one).
  std::vector<std::int64_t> InputInts(std::size_t i, std::string_view what) const;
  std::vector<float> InputFloats(std::size_t i, std::string_view what) const;

  // An axis in [-rank, rank) as one in [0, rank). Throws Error(kInvalidModel) otherwise.
  std::size_t Axis(std::int64_t axis, std::size_t rank) const;

  // Throw Error(kInvalidModel) / Error(kUnsupported): "<node label>: <what>".
  [[noreturn]] void Invalid(const std::string& what) const;
  [[noreturn]] void Unsupported(const std::string& what) const;

 protected:
  explicit NodeContext(const Node& node) : node_(&node) {}
  // The input's value, known before running or not; null when it is not there yet.
  virtual const Tensor* ValueNow(std::size_t i) const { return InputValue(i); }

 private:
  const Node* node_;
};

class InferContext : public NodeContext {
 public:
  // Sets type and shape of an output. Throws Error(kInvalidModel) for a negative size or a rank
  // above kMaxRank, Error(kResource) when the tensor exceeds the limit on tensor bytes.
  virtual void SetOutput(std::size_t i, DataType type, Shape shape) = 0;
  // Says that the output's value is known before running, whatever the inputs hold (Shape, Size).
  virtual void SetOutputValue(std::size_t i, Tensor value) = 0;

 protected:
  using NodeContext::NodeContext;
};

class PlanContext : public NodeContext {
 public:
  virtual DataType OutputType(std::size_t i) const = 0;
  virtual const Shape& OutputShape(std::size_t i) const = 0;

  // True when the input exists in the blocked layout (perhaps in the plain one as well).
  virtual bool IsBlocked(std::size_t i) const = 0;
  // The types that values are stored in between steps.
  virtual ElementType InputStorage(std::size_t i) const { return ElementTypeOf(InputType(i)); }
  virtual ElementType OutputStorage(std::size_t i) const { return ElementTypeOf(OutputType(i)); }
  // Declares the type and layout in which the step reads input i / writes output i; when not said,
  // plain and of the type that the value is computed in. The planner inserts reorders, and
  // conversions where that is not the type that the value is stored in.
  virtual void ReadAs(std::size_t i, TensorDesc desc) = 0;
  virtual void WriteAs(std::size_t i, TensorDesc desc) = 0;
  // The same of the type that the value is computed in.
  void ReadAs(std::size_t i, Layout layout) { ReadAs(i, {ElementTypeOf(InputType(i)), layout}); }
  void WriteAs(std::size_t i, Layout layout) { WriteAs(i, {ElementTypeOf(OutputType(i)), layout}); }
  // Elements from one image of blocked output i to the next, asked for after WriteAs. It is more
  // than one image when the output becomes a slice of the result of a Concat: a step whose plan
  // function asks must write images that far apart, the images of one that does not ask are dense.
  virtual std::int64_t OutputStride(std::size_t i) = 0;
  // For Concat: input i was written where it belongs in output 0, there is nothing left to do.
  virtual bool IsInPlace(std::size_t i) const = 0;
  // The step does not read input i when it runs: it took the known value, or packed it.
  virtual void DoNotRead(std::size_t i) = 0;
  // Output `out` may share the memory of input `in` if that is not read by anybody later (same
  // layout and bytes). The step must then work in place.
  virtual void AllowInPlace(std::size_t out, std::size_t in) = 0;
  // Output `out` is input `in` under another shape: the plan function returns null afterwards.
  // Both are plain and have the same bytes.
  virtual void Alias(std::size_t out, std::size_t in) = 0;

  // Immutable memory owned by the model, made once for (value of input i, format) and shared by all
  // plans and sessions: packed weights. 64-byte aligned; `fill` writes all of it.
  virtual const void* Packed(std::size_t i, const kernels::PackedFormat& format, std::size_t bytes,
                             const std::function<void(void*)>& fill) = 0;

  virtual int threads() const = 0;
  // What kernels are chosen by.
  virtual const CostModel& cost() const = 0;

 protected:
  using NodeContext::NodeContext;
};

// How a value depends on the batch, that is dim 0 of the graph's inputs.
enum class BatchUse : std::uint8_t {
  kFree,    // not at all
  kImages,  // dim 0 is the batch
  kVaries,  // known before running, and another one for another batch: a shape, say
};

struct OpDef {
  std::string_view name;
  std::string_view domain = "";    // "" for ONNX's own
  int since = kFirstSettledOpset;  // opset versions supported, both included
  int until = kMaxOpset;
  int min_inputs = 1;
  int max_inputs = 1;
  int min_outputs = 1;
  int max_outputs = 1;
  std::string_view attributes = "";  // names of the known ones, separated by spaces
  std::string_view types = "";       // for the support table: "float32, float64, int32, ..."

  // Adds a line for each attribute value that is valid ONNX and not supported. Optional.
  void (*check)(const Node& node, std::vector<std::string>& unsupported) = nullptr;
  // Sets the type and shape of every output; throws where inputs or attributes are wrong.
  void (*infer)(InferContext& context) = nullptr;
  // Resolves everything and returns the step. Any input value that `infer` demanded is known here
  // as well. Throws where something is not supported.
  std::unique_ptr<Step> (*plan)(PlanContext& context) = nullptr;
  // Whether image i of every output depends on image i of the inputs alone, given how the inputs
  // depend on the batch, and that dim 0 of all outputs was found to be the batch at several sizes
  // (engine/ops/batch.h has the rules). Null: the operator may mix images.
  bool (*batch_wise)(const NodeContext& context, const std::vector<BatchUse>& inputs) = nullptr;
  // In place of `infer` and `plan`, where the shapes of the outputs follow from the values of the
  // inputs (NonZero): makes the outputs and fills them. May throw, Error(kInvalidInput) where the
  // data is wrong.
  void (*run)(RunContext& context) = nullptr;
};

// All operators, by name.
std::span<const OpDef* const> AllOps();
// Null when there is none of this name and domain.
const OpDef* FindOp(std::string_view domain, std::string_view name);

// Throws one Error(kUnsupported) that lists every operator, opset version, attribute and attribute
// value that is not supported (the first 20 in full), Error(kInvalidModel) for wrong counts.
void CheckSupport(const GraphIr& graph);

}  // namespace kinglet
