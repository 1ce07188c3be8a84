// Sequences of tensors: SequenceEmpty, SequenceConstruct, SequenceInsert, SequenceErase,
// SequenceAt, SequenceLength, SplitToSequence, ConcatFromSequence.
#include <algorithm>
#include <cstring>

#include "engine/op/run_context.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

const RunSequence& SequenceOf(const RunContext& context, std::size_t i) {
  const RunValue& value = context.InputHandle(i);
  if (!value.is_sequence()) {
    context.Invalid("input " + std::to_string(i) + " must be a sequence of tensors");
  }
  return *value.sequence;
}

const RunValue& TensorOf(const RunContext& context, std::size_t i) {
  const RunValue& value = context.InputHandle(i);
  if (!value.is_tensor()) context.Invalid("input " + std::to_string(i) + " must be a tensor");
  return value;
}

void SetSequence(RunContext& context, std::shared_ptr<RunSequence> tensors) {
  RunValue value;
  value.sequence = std::move(tensors);
  context.SetOutput(0, std::move(value));
}
void SetSequence(RunContext& context, RunSequence tensors) {
  SetSequence(context, std::make_shared<RunSequence>(std::move(tensors)));
}

// The sequence of input 0, to be changed: itself when nobody else has it, or a copy.
std::shared_ptr<RunSequence> TakeSequence(RunContext& context) {
  SequenceOf(context, 0);
  RunValue value = context.TakeInput(0);
  if (value.sequence.use_count() > 1) return std::make_shared<RunSequence>(*value.sequence);
  return std::const_pointer_cast<RunSequence>(value.sequence);  // made by SetSequence
}

// The position in input i, which counts from the end when negative; `fallback` when it is absent.
std::size_t Position(const RunContext& context, std::size_t i, std::size_t size, bool behind,
                     std::size_t fallback) {
  if (!context.HasInput(i)) return fallback;
  const std::vector<std::int64_t> given = context.InputInts(i, "the position");
  if (given.size() != 1) {
    context.Invalid("the position (input " + std::to_string(i) + ") must be one number");
  }
  const auto length = static_cast<std::int64_t>(size);
  const std::int64_t at = given[0] < 0 ? given[0] + length : given[0];
  if (at < 0 || at >= length + (behind ? 1 : 0)) {
    context.WrongData("position " + std::to_string(given[0]) + " of a sequence of " +
                      std::to_string(size) + " tensors");
  }
  return static_cast<std::size_t>(at);
}

void RunEmpty(RunContext& context) { SetSequence(context, RunSequence()); }

void RunConstruct(RunContext& context) {
  RunSequence tensors;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    tensors.push_back(TensorOf(context, i));
    if (tensors[i].type != tensors[0].type) context.Invalid("the inputs differ in type");
  }
  SetSequence(context, std::move(tensors));
}

// No other limit counts tensors without elements.
constexpr std::size_t kMaxTensors = std::size_t{1} << 14;

void CheckLength(const RunContext& context, std::int64_t tensors) {
  if (tensors <= static_cast<std::int64_t>(kMaxTensors)) return;
  context.WrongData("a sequence of " + std::to_string(tensors) + " tensors; at most " +
                    std::to_string(kMaxTensors) + " are supported");
}

void RunInsert(RunContext& context) {
  const RunValue& added = TensorOf(context, 1);
  const std::shared_ptr<RunSequence> tensors = TakeSequence(context);
  if (!tensors->empty() && tensors->front().type != added.type) {
    context.WrongData("a " + std::string(DataTypeName(added.type)) +
                      " tensor for a sequence of type " + DataTypeName(tensors->front().type));
  }
  const std::size_t at = Position(context, 2, tensors->size(), true, tensors->size());
  CheckLength(context, static_cast<std::int64_t>(tensors->size()) + 1);
  tensors->insert(tensors->begin() + static_cast<std::ptrdiff_t>(at), added);
  SetSequence(context, tensors);
}

void RunErase(RunContext& context) {
  const std::shared_ptr<RunSequence> tensors = TakeSequence(context);
  if (tensors->empty()) context.WrongData("the sequence is empty");
  const std::size_t at = Position(context, 1, tensors->size(), false, tensors->size() - 1);
  tensors->erase(tensors->begin() + static_cast<std::ptrdiff_t>(at));
  SetSequence(context, tensors);
}

void RunAt(RunContext& context) {
  const RunSequence& tensors = SequenceOf(context, 0);
  context.SetOutput(0, tensors[Position(context, 1, tensors.size(), false, 0)]);
}

void RunLength(RunContext& context) {
  const auto length = static_cast<std::int64_t>(SequenceOf(context, 0).size());
  if (auto* to = context.Output<std::int64_t>(0, {})) *to = length;
}

// Elements [begin, begin + shape[axis]) along the axis of a tensor, as one of this shape.
RunValue Part(RunContext& context, const RunValue& whole, std::size_t axis, std::int64_t begin,
              const Shape& shape, const Shape& result) {
  void* elements = nullptr;
  RunValue part = context.MakeTensor(whole.type, result, elements);
  const std::int64_t outer = DimsProduct(shape, 0, axis);
  const auto row = static_cast<std::size_t>(DimsProduct(shape, axis + 1, shape.size())) *
                   DataTypeSize(whole.type);
  const std::size_t run = row * static_cast<std::size_t>(shape[axis]);
  const auto* from =
      static_cast<const std::byte*>(whole.data) + static_cast<std::size_t>(begin) * row;
  auto* to = static_cast<std::byte*>(elements);
  for (std::int64_t o = 0; o < outer && run > 0; ++o) {
    std::memcpy(to, from, run);
    to += run;
    from += row * static_cast<std::size_t>(whole.shape[axis]);
  }
  return part;
}

void RunSplit(RunContext& context) {
  const RunValue& whole = TensorOf(context, 0);
  const std::size_t axis = context.Axis(context.attributes().Int("axis", 0), whole.shape.size());
  const std::int64_t size = whole.shape[axis];
  std::vector<std::int64_t> sizes;
  bool keep = true;
  if (!context.HasInput(1)) {
    keep = context.attributes().Int("keepdims", 1) != 0;
    CheckLength(context, size);
    sizes.assign(static_cast<std::size_t>(size), 1);
  } else if (context.InputShape(1).empty()) {
    const std::int64_t each = context.InputInts(1, "the size of a part")[0];
    if (each < 1) context.WrongData("parts of " + std::to_string(each));
    CheckLength(context, size / each + (size % each != 0 ? 1 : 0));
    for (std::int64_t at = 0; at < size; at += each) sizes.push_back(std::min(each, size - at));
  } else {
    CheckLength(context, context.InputShape(1)[0]);
    sizes = context.InputInts(1, "the sizes of the parts");
  }
  RunSequence parts;
  std::int64_t begin = 0;
  Shape shape = whole.shape;
  for (const std::int64_t part : sizes) {
    if (part < 0 || part > size - begin) {
      context.WrongData("the parts do not fit in the axis of size " + std::to_string(size));
    }
    shape[axis] = part;
    Shape result = shape;
    if (!keep) result.erase(result.begin() + static_cast<std::ptrdiff_t>(axis));
    parts.push_back(Part(context, whole, axis, begin, shape, result));
    begin += part;
  }
  if (begin != size) {
    context.WrongData("the parts make " + std::to_string(begin) + ", the axis has size " +
                      std::to_string(size));
  }
  SetSequence(context, std::move(parts));
}

// The shape of the tensors side by side along the axis.
Shape JoinedShape(const RunContext& context, const RunSequence& tensors, std::size_t axis,
                  bool new_axis) {
  Shape shape = tensors[0].shape;
  std::int64_t along = 0;
  for (const RunValue& tensor : tensors) {
    bool fits = tensor.type == tensors[0].type && tensor.shape.size() == shape.size();
    for (std::size_t d = 0; fits && d < shape.size(); ++d) {
      fits = (d == axis && !new_axis) || tensor.shape[d] == shape[d];
    }
    if (!fits) {
      context.WrongData("tensors of shapes " + ShapeToString(shape) + " and " +
                        ShapeToString(tensor.shape) + " do not fit together");
    }
    along = AddSizes(context, along, new_axis ? 1 : tensor.shape[axis]);
  }
  if (new_axis) {
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), along);
  } else {
    shape[axis] = along;
  }
  return shape;
}

void RunConcat(RunContext& context) {
  const RunSequence& tensors = SequenceOf(context, 0);
  if (tensors.empty()) context.WrongData("the sequence is empty");
  const bool new_axis = context.attributes().Int("new_axis", 0) != 0;
  const std::size_t rank = tensors[0].shape.size() + (new_axis ? 1 : 0);
  const std::size_t axis = context.Axis(context.attributes().Int("axis", 0), rank);
  const Shape shape = JoinedShape(context, tensors, axis, new_axis);
  const std::size_t element = DataTypeSize(tensors[0].type);
  auto* to = static_cast<std::byte*>(context.MakeOutput(0, tensors[0].type, shape));
  if (to == nullptr || ElementCount(shape) == 0) return;
  const std::int64_t outer = DimsProduct(shape, 0, axis);
  const auto row = static_cast<std::size_t>(DimsProduct(shape, axis + 1, rank)) * element;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const RunValue& tensor : tensors) {
      const std::size_t run = row * (new_axis ? 1 : static_cast<std::size_t>(tensor.shape[axis]));
      const auto* from = static_cast<const std::byte*>(tensor.data);
      if (run > 0) std::memcpy(to, from + static_cast<std::size_t>(o) * run, run);
      to += run;
    }
  }
}

OpDef SequenceOp(std::string_view name, int min_inputs, int max_inputs, std::string_view attributes,
                 void (*run)(RunContext&)) {
  return {.name = name,
          .since = 11,
          .min_inputs = min_inputs,
          .max_inputs = max_inputs,
          .attributes = attributes,
          .types = kAnyType,
          .run = run};
}

}  // namespace

const OpDef& OpSequenceEmpty() {
  static const OpDef def = SequenceOp("SequenceEmpty", 0, 0, "dtype", RunEmpty);
  return def;
}

const OpDef& OpSequenceConstruct() {
  static const OpDef def = SequenceOp("SequenceConstruct", 1, kAnyCount, "", RunConstruct);
  return def;
}

const OpDef& OpSequenceInsert() {
  static const OpDef def = SequenceOp("SequenceInsert", 2, 3, "", RunInsert);
  return def;
}

const OpDef& OpSequenceErase() {
  static const OpDef def = SequenceOp("SequenceErase", 1, 2, "", RunErase);
  return def;
}

const OpDef& OpSequenceAt() {
  static const OpDef def = SequenceOp("SequenceAt", 2, 2, "", RunAt);
  return def;
}

const OpDef& OpSequenceLength() {
  static const OpDef def = SequenceOp("SequenceLength", 1, 1, "", RunLength);
  return def;
}

const OpDef& OpSplitToSequence() {
  static const OpDef def = SequenceOp("SplitToSequence", 1, 2, "axis keepdims", RunSplit);
  return def;
}

const OpDef& OpConcatFromSequence() {
  static const OpDef def = SequenceOp("ConcatFromSequence", 1, 1, "axis new_axis", RunConcat);
  return def;
}

}  // namespace kinglet
