#include "engine/ops/quantized.h"

#include <string>

#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void RequireCount(const NodeContext& context, std::size_t i, std::int64_t count) {
  const Shape& shape = context.InputShape(i);
  const std::int64_t found = ElementCount(shape);
  if (found == 1 || found == count) return;
  context.Invalid("input " + std::to_string(i) + " has shape " + ShapeToString(shape) +
                  ", expected one element" +
                  (count == 1 ? std::string() : " or " + std::to_string(count)));
}

}  // namespace

void RequireEightBits(const NodeContext& context, std::size_t i) {
  if (!context.HasInput(i)) context.Invalid("input " + std::to_string(i) + " is absent");
  const DataType type = context.InputType(i);
  if (type == DataType::kInt8 || type == DataType::kUInt8) return;
  context.Invalid("input " + std::to_string(i) + " has type " + DataTypeName(type) +
                  ", expected int8 or uint8");
}

void RequireOneScale(const NodeContext& context, std::size_t i) { RequireScales(context, i, 1); }

void RequireOneZeroPoint(const NodeContext& context, std::size_t i, std::size_t of) {
  RequireZeroPoints(context, i, of, 1);
}

void RequireScales(const NodeContext& context, std::size_t i, std::int64_t count) {
  if (!context.HasInput(i)) {
    context.Invalid("the scale (input " + std::to_string(i) + ") is absent");
  }
  RequireType(context, i, DataType::kFloat32);
  RequireCount(context, i, count);
}

void RequireZeroPoints(const NodeContext& context, std::size_t i, std::size_t of,
                       std::int64_t count) {
  if (!context.HasInput(i)) return;
  CheckSameType(context, i, of);
  RequireCount(context, i, count);
}

kernels::Work IntegerProductWork(std::int64_t macs, int threads) {
  constexpr double kOperations = 0.3;  // of plain loops; neighbours are multiplied at once
  return kernels::LoopWork(kOperations * static_cast<double>(macs), threads);
}

std::int64_t StepBetween(const NodeContext& context, std::size_t i) {
  return context.HasInput(i) && ElementCount(context.InputShape(i)) > 1 ? 1 : 0;
}

}  // namespace kinglet
