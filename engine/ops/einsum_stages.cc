#include "engine/ops/einsum_stages.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/ops/views.h"

namespace kinglet {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;  // of a result in between

// A tensor that is still to be multiplied: its labels, all different, with their strides. Those of
// size 1 are left out, here as everywhere.
struct Operand {
  int source = 0;
  std::vector<std::pair<int, std::int64_t>> labels;

  std::int64_t StrideOf(int label) const {
    for (const auto& [own, stride] : labels) {
      if (own == label) return stride;
    }
    return 0;
  }
  bool Has(int label) const { return StrideOf(label) != 0; }
};

class StageMaker {
 public:
  StageMaker(const NodeContext& context, const EinsumEquation& equation)
      : context_(context), equation_(equation) {
    for (std::size_t i = 0; i < equation.inputs.size(); ++i) AddInput(i);
  }

  std::vector<EinsumStage> Make() {
    if (operands_.size() > 1) {
      for (std::size_t i = 0; i < operands_.size(); ++i) SumAlone(i);
    }
    while (operands_.size() > 2) {
      const auto [i, j] = CheapestPair();
      const Operand a = operands_[i], b = operands_[j];
      operands_.erase(operands_.begin() + static_cast<std::ptrdiff_t>(j));
      operands_.erase(operands_.begin() + static_cast<std::ptrdiff_t>(i));
      operands_.push_back(Combine(a, &b));
    }
    const Operand* second = operands_.size() > 1 ? &operands_[1] : nullptr;
    AddStage(operands_[0], second, OutputOperand());
    return std::move(stages_);
  }

 private:
  std::int64_t SizeOf(int label) const { return equation_.sizes[static_cast<std::size_t>(label)]; }

  // A label that occurs twice is a diagonal: a step along it is one along both dimensions.
  void AddInput(std::size_t i) {
    Operand operand{.source = static_cast<int>(i), .labels = {}};
    const Shape& shape = context_.InputShape(i);
    const Shape strides = RowMajorStrides(shape);
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] == 1) continue;
      const int label = equation_.inputs[i][d];
      const auto same = std::find_if(operand.labels.begin(), operand.labels.end(),
                                     [label](const auto& own) { return own.first == label; });
      if (same == operand.labels.end()) {
        operand.labels.emplace_back(label, strides[d]);
      } else {
        same->second += strides[d];
      }
    }
    operands_.push_back(std::move(operand));
  }

  Operand OutputOperand() const {
    Operand output;
    const Shape strides = RowMajorStrides(equation_.OutputShape());
    for (std::size_t d = 0; d < strides.size(); ++d) {
      if (SizeOf(equation_.output[d]) > 1)
        output.labels.emplace_back(equation_.output[d], strides[d]);
    }
    return output;
  }

  bool InOutput(int label) const {
    return std::find(equation_.output.begin(), equation_.output.end(), label) !=
           equation_.output.end();
  }
  // By the output, or an operand that is neither of the two.
  bool IsNeeded(int label, const Operand& a, const Operand* b) const {
    if (InOutput(label)) return true;
    return std::any_of(operands_.begin(), operands_.end(), [&](const Operand& other) {
      return other.source != a.source && (b == nullptr || other.source != b->source) &&
             other.Has(label);
    });
  }

  void SumAlone(std::size_t i) {
    const Operand operand = operands_[i];
    const bool all_needed =
        std::all_of(operand.labels.begin(), operand.labels.end(),
                    [&](const auto& own) { return IsNeeded(own.first, operand, nullptr); });
    if (!all_needed) operands_[i] = Combine(operand, nullptr);
  }

  // Multiplications and elements of the product of two operands.
  std::pair<double, double> CostOf(const Operand& a, const Operand& b) const {
    double cost = 1, elements = 1;
    const auto add = [&](int label) {
      cost *= static_cast<double>(SizeOf(label));
      if (IsNeeded(label, a, &b)) elements *= static_cast<double>(SizeOf(label));
    };
    for (const auto& own : a.labels) add(own.first);
    for (const auto& own : b.labels) {
      if (!a.Has(own.first)) add(own.first);
    }
    return {cost, elements};
  }

  std::pair<std::size_t, std::size_t> CheapestPair() const {
    std::pair<std::size_t, std::size_t> best{0, 1};
    auto least = CostOf(operands_[0], operands_[1]);
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      for (std::size_t j = i + 1; j < operands_.size(); ++j) {
        const auto cost = CostOf(operands_[i], operands_[j]);
        if (cost >= least) continue;
        best = {i, j};
        least = cost;
      }
    }
    return best;
  }

  // The product of two operands, or the sum of one, with the labels that others need.
  Operand Combine(const Operand& a, const Operand* b) {
    Operand result{.source = -1 - static_cast<int>(stages_.size()), .labels = {}};
    const auto keep = [&](const Operand& operand) {
      for (const auto& own : operand.labels) {
        if (IsNeeded(own.first, a, b) && !result.Has(own.first)) {
          result.labels.emplace_back(own.first, 1);
        }
      }
    };
    keep(a);
    if (b != nullptr) keep(*b);
    std::int64_t stride = 1;
    for (std::size_t k = result.labels.size(); k-- > 0;) {
      result.labels[k].second = stride;
      stride = MultiplySizes(context_, stride, SizeOf(result.labels[k].first));
      if (stride > kMaxElements) {
        context_.Unsupported("the equation has a product in between of more than 2^31 elements");
      }
    }
    AddStage(a, b, result);
    return result;
  }

  void AddStage(const Operand& a, const Operand* b, const Operand& result) {
    EinsumStage stage;
    stage.a = a.source;
    stage.b = b == nullptr ? EinsumStage::kNone : b->source;
    const auto loop = [&](int label) {
      return EinsumLoop{
          SizeOf(label),
          {a.StrideOf(label), b == nullptr ? 0 : b->StrideOf(label), result.StrideOf(label)}};
    };
    for (const auto& own : result.labels) {
      stage.kept.push_back(loop(own.first));
      stage.elements = MultiplySizes(context_, stage.elements, SizeOf(own.first));
    }
    for (const Operand* operand : {&a, b}) {
      if (operand == nullptr) continue;
      for (const auto& own : operand->labels) {
        const bool seen = result.Has(own.first) || (operand == b && a.Has(own.first));
        if (!seen) stage.summed.push_back(loop(own.first));
      }
    }
    stages_.push_back(std::move(stage));
  }

  const NodeContext& context_;
  const EinsumEquation& equation_;
  std::vector<Operand> operands_;
  std::vector<EinsumStage> stages_;
};

}  // namespace

std::int64_t CountOf(const EinsumLoops& loops) {
  std::int64_t count = 1;
  for (const EinsumLoop& loop : loops) count *= loop.size;
  return count;
}

std::array<std::int64_t, 3> OffsetsOf(const EinsumLoops& loops, std::int64_t index) {
  std::array<std::int64_t, 3> offsets{};
  for (std::size_t k = loops.size(); k-- > 0; index /= loops[k].size) {
    for (std::size_t x = 0; x < 3; ++x) {
      offsets[x] += index % loops[k].size * loops[k].strides[x];
    }
  }
  return offsets;
}

std::vector<EinsumStage> MakeEinsumStages(const NodeContext& context,
                                          const EinsumEquation& equation) {
  return StageMaker(context, equation).Make();
}

}  // namespace kinglet
