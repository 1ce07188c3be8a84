#include "engine/graph/derived.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph/ir.h"

namespace kinglet {
namespace {

// A tensor that keeps `tensor` alive with what it is read through.
Tensor ViewOf(std::shared_ptr<const Tensor> tensor) {
  const Tensor& of = *tensor;
  return Tensor::Wrap(of.type(), of.shape(), of.raw(), of.bytes(), std::move(tensor));
}

// Operators whose plans read input 1, where it is a constant, through PlanContext alone.
bool PacksItsWeights(const Node& node) {
  constexpr std::string_view kOps[] = {"Conv", "Gemm", "MatMul"};
  if (node.domain == "kinglet") return node.op == "ImageConv";
  return node.domain.empty() &&
         std::find(std::begin(kOps), std::end(kOps), node.op) != std::end(kOps);
}

}  // namespace

DerivedConstant::DerivedConstant(const Tensor& made, std::size_t source_bytes,
                                 std::function<Tensor()> make)
    : type_(made.type()),
      shape_(made.shape()),
      source_bytes_(source_bytes),
      make_(std::move(make)),
      kept_(std::make_shared<const Tensor>(made)),
      last_(kept_) {}

Tensor DerivedConstant::Get() const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Tensor> tensor = last_.lock();
  if (tensor == nullptr) {
    tensor = std::make_shared<const Tensor>(make_());
    last_ = tensor;
  }
  return ViewOf(std::move(tensor));
}

void DerivedConstant::Drop() const {
  const std::lock_guard lock(mutex_);
  kept_.reset();
}

std::size_t DerivedConstant::bytes() const {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<const Tensor> tensor = last_.lock();
  return source_bytes_ + (tensor == nullptr ? 0 : tensor->bytes());
}

void ReleaseWeights(GraphIr& graph) {
  std::vector<bool> released(graph.values.size());
  for (std::size_t i = 0; i < released.size(); ++i) {
    released[i] = graph.values[i].derived != nullptr;
  }
  const auto keep = [&](ValueId id) {
    if (id != kNoValue) released[static_cast<std::size_t>(id)] = false;
  };
  std::for_each(graph.outputs.begin(), graph.outputs.end(), keep);
  for (const Node& node : graph.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (i != 1 || !PacksItsWeights(node)) keep(node.inputs[i]);
    }
    const std::vector<ValueId> captured = CapturedValues(node);
    std::for_each(captured.begin(), captured.end(), keep);
  }
  for (std::size_t i = 0; i < released.size(); ++i) {
    Value& value = graph.values[i];
    if (!released[i]) {
      value.derived.reset();
      continue;
    }
    value.constant = Tensor::Wrap(value.constant.type(), value.constant.shape(), nullptr,
                                  value.constant.bytes(), nullptr);
  }
}

}  // namespace kinglet
