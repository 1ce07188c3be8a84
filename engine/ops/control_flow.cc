// If, Loop and Scan: operators whose attributes are graphs.
#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/op/run_context.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

RunValue Scalar(RunContext& context, DataType type, const void* value) {
  void* elements = nullptr;
  RunValue made = context.MakeTensor(type, {}, elements);
  std::memcpy(elements, value, DataTypeSize(type));
  return made;
}

bool BoolOf(const RunContext& context, const RunValue& value, const char* what) {
  if (value.type != DataType::kBool || ElementCount(value.shape) != 1) {
    context.Invalid(std::string(what) + " must be one bool, found " + DataTypeName(value.type) +
                    " of shape " + ShapeToString(value.shape));
  }
  return *static_cast<const bool*>(value.data);
}

void RunIf(RunContext& context) {
  const bool condition = BoolOf(context, context.InputHandle(0), "the condition (input 0)");
  std::vector<RunValue> outputs;
  context.RunGraph(condition ? "then_branch" : "else_branch", {}, outputs);
  if (outputs.size() < context.output_count()) {
    context.Invalid("the branch makes " + std::to_string(outputs.size()) + " values, expected " +
                    std::to_string(context.output_count()));
  }
  for (std::size_t i = 0; i < context.output_count(); ++i) {
    context.SetOutput(i, std::move(outputs[i]));
  }
}

// What every iteration makes of one scan output, put together along an axis of their own.
class ScanOutput {
 public:
  void Add(const RunContext& context, RunValue value) {
    if (!value.is_tensor()) context.Unsupported("a scan output that is no tensor");
    if (!slices_.empty() && (value.type != slices_[0].type || value.shape != slices_[0].shape)) {
      context.WrongData("a scan output has shape " + ShapeToString(value.shape) +
                        " in one iteration and " + ShapeToString(slices_[0].shape) +
                        " in those before");
    }
    slices_.push_back(std::move(value));
  }

  // `empty` says what an iteration would have made when there was none.
  void Join(RunContext& context, std::size_t i, const Value& empty, std::int64_t axis,
            bool reversed) {
    const bool none = slices_.empty();
    DataType type = none ? empty.type : slices_[0].type;
    if (type == DataType::kUndefined) type = DataType::kFloat32;
    Shape shape = none ? empty.dims : slices_[0].shape;
    for (std::int64_t& dim : shape) dim = std::max<std::int64_t>(dim, 0);
    const std::size_t at = context.Axis(axis, shape.size() + 1);
    const auto count = static_cast<std::int64_t>(slices_.size());
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(at), count);
    auto* to = static_cast<std::byte*>(context.MakeOutput(i, type, shape));
    if (to == nullptr || ElementCount(shape) == 0) return;
    const std::int64_t outer = DimsProduct(shape, 0, at);
    const auto run =
        static_cast<std::size_t>(DimsProduct(shape, at + 1, shape.size())) * DataTypeSize(type);
    if (reversed) std::reverse(slices_.begin(), slices_.end());
    for (std::int64_t o = 0; o < outer; ++o) {
      for (const RunValue& slice : slices_) {
        const auto* from = static_cast<const std::byte*>(slice.data);
        std::memcpy(to, from + static_cast<std::size_t>(o) * run, run);
        to += run;
      }
    }
  }

 private:
  std::vector<RunValue> slices_;
};

const GraphIr& BodyOf(const NodeContext& context) {
  const GraphIr* body = context.attributes().GraphOrNull("body");
  if (body == nullptr) context.Invalid("attribute 'body' is missing");
  return *body;
}

// Iteration number, condition and carried values in; condition, carried values and scan outputs
// out.
void RunLoop(RunContext& context) {
  const GraphIr& body = BodyOf(context);
  const std::size_t carried = context.input_count() < 2 ? 0 : context.input_count() - 2;
  if (body.inputs.size() != carried + 2 || body.outputs.size() < carried + 1 ||
      context.output_count() > body.outputs.size() - 1) {
    context.Invalid("the body has " + std::to_string(body.inputs.size()) + " inputs and " +
                    std::to_string(body.outputs.size()) + " outputs, expected " +
                    std::to_string(carried + 2) + " and at least " +
                    std::to_string(std::max(context.output_count(), carried) + 1));
  }
  std::int64_t trips = std::numeric_limits<std::int64_t>::max();
  if (context.HasInput(0)) {
    const std::vector<std::int64_t> given = context.InputInts(0, "the trip count");
    if (given.size() != 1) context.Invalid("the trip count (input 0) must be one number");
    trips = given[0];
  }
  bool go_on =
      !context.HasInput(1) || BoolOf(context, context.InputHandle(1), "the condition (input 1)");
  std::vector<RunValue> state(carried + 2);
  for (std::size_t k = 0; k < carried; ++k) state[k + 2] = context.InputHandle(k + 2);
  std::vector<ScanOutput> scans(body.outputs.size() - 1 - carried);
  std::vector<RunValue> made;
  for (std::int64_t i = 0; i < trips && go_on; ++i) {
    state[0] = Scalar(context, DataType::kInt64, &i);
    state[1] = Scalar(context, DataType::kBool, &go_on);
    context.RunGraph("body", state, made);
    go_on = BoolOf(context, made[0], "the condition that the body makes");
    for (std::size_t k = 0; k < carried; ++k) state[k + 2] = std::move(made[k + 1]);
    for (std::size_t k = 0; k < scans.size(); ++k) {
      scans[k].Add(context, std::move(made[k + 1 + carried]));
    }
  }
  for (std::size_t k = 0; k < carried; ++k) context.SetOutput(k, std::move(state[k + 2]));
  for (std::size_t k = 0; k < scans.size(); ++k) {
    scans[k].Join(context, carried + k, body.value(body.outputs[1 + carried + k]), 0, false);
  }
}

// One input of a Scan: what each iteration gets of it.
struct ScanInput {
  const RunValue* whole = nullptr;
  std::size_t axis = 0;
  bool reversed = false;
  Shape slice;             // shape of one
  std::int64_t outer = 0;  // runs of one, and the bytes of a run
  std::size_t run = 0;

  RunValue At(RunContext& context, std::int64_t i) const {
    const std::int64_t count = whole->shape[axis];
    const auto index = static_cast<std::size_t>(reversed ? count - 1 - i : i);
    void* elements = nullptr;
    RunValue made = context.MakeTensor(whole->type, slice, elements);
    const auto* from = static_cast<const std::byte*>(whole->data) + index * run;
    auto* to = static_cast<std::byte*>(elements);
    for (std::int64_t o = 0; o < outer && run > 0; ++o) {
      std::memcpy(to, from, run);
      to += run;
      from += run * static_cast<std::size_t>(count);
    }
    return made;
  }
};

// Element k of a list attribute that may be absent.
std::int64_t ListValue(const NodeContext& context, const char* name, std::size_t k) {
  const std::vector<std::int64_t> list = context.attributes().Ints(name);
  return k < list.size() ? list[k] : 0;
}

ScanInput MakeScanInput(const RunContext& context, std::size_t input, std::size_t k) {
  ScanInput scan;
  scan.whole = &context.InputHandle(input);
  if (!scan.whole->is_tensor() || scan.whole->shape.empty()) {
    context.Invalid("input " + std::to_string(input) + " cannot be scanned: it is a scalar");
  }
  const Shape& shape = scan.whole->shape;
  scan.axis = context.Axis(ListValue(context, "scan_input_axes", k), shape.size());
  scan.reversed = ListValue(context, "scan_input_directions", k) != 0;
  scan.slice = shape;
  scan.slice.erase(scan.slice.begin() + static_cast<std::ptrdiff_t>(scan.axis));
  scan.outer = DimsProduct(shape, 0, scan.axis);
  scan.run = static_cast<std::size_t>(DimsProduct(shape, scan.axis + 1, shape.size())) *
             DataTypeSize(scan.whole->type);
  return scan;
}

void RunScan(RunContext& context) {
  const GraphIr& body = BodyOf(context);
  const std::int64_t declared = context.attributes().Int("num_scan_inputs", 0);
  const std::size_t inputs = context.input_count();
  if (declared < 1 || static_cast<std::size_t>(declared) > inputs) {
    context.Invalid("num_scan_inputs is " + std::to_string(declared) + " with " +
                    std::to_string(inputs) + " inputs");
  }
  const auto scanned = static_cast<std::size_t>(declared);
  const std::size_t carried = inputs - scanned;
  if (body.inputs.size() != inputs || body.outputs.size() < carried ||
      context.output_count() > body.outputs.size()) {
    context.Invalid("the body has " + std::to_string(body.inputs.size()) + " inputs and " +
                    std::to_string(body.outputs.size()) + " outputs, which does not fit");
  }
  std::vector<ScanInput> wholes;
  for (std::size_t k = 0; k < scanned; ++k) {
    wholes.push_back(MakeScanInput(context, carried + k, k));
    if (wholes[k].whole->shape[wholes[k].axis] != wholes[0].whole->shape[wholes[0].axis]) {
      context.WrongData("the scanned inputs have different lengths");
    }
  }
  const std::int64_t trips = wholes[0].whole->shape[wholes[0].axis];
  std::vector<RunValue> state(inputs);
  for (std::size_t k = 0; k < carried; ++k) state[k] = context.InputHandle(k);
  std::vector<ScanOutput> scans(body.outputs.size() - carried);
  std::vector<RunValue> made;
  for (std::int64_t i = 0; i < trips; ++i) {
    for (std::size_t k = 0; k < scanned; ++k) state[carried + k] = wholes[k].At(context, i);
    context.RunGraph("body", state, made);
    for (std::size_t k = 0; k < carried; ++k) state[k] = std::move(made[k]);
    for (std::size_t k = 0; k < scans.size(); ++k) {
      scans[k].Add(context, std::move(made[carried + k]));
    }
  }
  for (std::size_t k = 0; k < carried; ++k) context.SetOutput(k, std::move(state[k]));
  for (std::size_t k = 0; k < scans.size(); ++k) {
    scans[k].Join(context, carried + k, body.value(body.outputs[carried + k]),
                  ListValue(context, "scan_output_axes", k),
                  ListValue(context, "scan_output_directions", k) != 0);
  }
}

}  // namespace

const OpDef& OpIf() {
  static const OpDef def{.name = "If",
                         .max_outputs = kAnyCount,
                         .attributes = "then_branch else_branch",
                         .types = kAnyType,
                         .run = RunIf};
  return def;
}

const OpDef& OpLoop() {
  static const OpDef def{.name = "Loop",
                         .min_inputs = 0,
                         .max_inputs = kAnyCount,
                         .max_outputs = kAnyCount,
                         .attributes = "body",
                         .types = kAnyType,
                         .run = RunLoop};
  return def;
}

const OpDef& OpScan() {
  static const OpDef def{
      .name = "Scan",
      .since = 9,
      .max_inputs = kAnyCount,
      .max_outputs = kAnyCount,
      .attributes =
          "body num_scan_inputs scan_input_axes scan_input_directions scan_output_axes "
          "scan_output_directions",
      .types = kAnyType,
      .run = RunScan};
  return def;
}

}  // namespace kinglet
