// Attention (Vaswani et al. 2017, arXiv:1706.03762; heads that share keys: Ainslie et al. 2023,
// arXiv:2305.13245): Y = softmax(scale Q K' + mask) V. A unit of work is some queries of one head;
// the others copy past and new keys and values behind one another.
#include "engine/ops/attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"
#include "kernels/common/aligned.h"
#include "kernels/common/independent.h"
#include "kernels/common/partition.h"
#include "kernels/gemm/product.h"
#include "kernels/math/math.h"
#include "kernels/softmax/softmax.h"

namespace kinglet {
namespace {

using enum AttentionInput::Index;
enum Output : std::size_t { kY, kPresentKey, kPresentValue, kScores };

constexpr std::int64_t kQueries = 64;  // of a unit

// kernels::MatrixProduct by its definition, of double.
class NaiveHeadProduct {
 public:
  NaiveHeadProduct() = default;
  explicit NaiveHeadProduct(const kernels::ProductShape& shape) : s_(shape) {}
  std::size_t scratch_bytes() const { return 0; }
  void TakeRight(const double*, void*) const {}
  void Multiply(const double* a, const double* b, double* c, std::int64_t first, std::int64_t rows,
                bool adds, void*) const {
    for (std::int64_t i = first; i < first + rows; ++i) {
      for (std::int64_t j = 0; j < s_.n; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < s_.k; ++k) {
          sum += a[i * s_.lda + k] * (s_.transpose_b ? b[j * s_.ldb + k] : b[k * s_.ldb + j]);
        }
        double& y = c[i * s_.ldc + j];
        y = static_cast<double>(s_.alpha) * sum + (adds ? y : 0);
      }
    }
  }

 private:
  kernels::ProductShape s_;
};
template <typename T>
using HeadProductOf =
    std::conditional_t<std::is_same_v<T, float>, kernels::MatrixProduct, NaiveHeadProduct>;

// Keys or values that lie together, past or new ones, as the right operands of products.
template <typename T>
struct HeadPart {
  HeadProductOf<T> product;
  std::size_t offset = 0;  // of its scratch
  std::int64_t first = 0;  // of its keys among all
  bool is_empty = true;    // there are none
};

// The products of a head, and where its operands lie in scratch: the scores of a unit first.
template <typename T>
struct HeadProducts {
  HeadPart<T> scores[2], values[2];  // with past ones, with new ones
  std::size_t scratch_bytes = 0;

  explicit HeadProducts(const Attention& a) {
    const std::int64_t all = a.all_keys();
    scratch_bytes = kernels::RoundUpToLine(
        static_cast<std::size_t>(std::min(kQueries, a.queries) * all) * sizeof(T));
    const std::int64_t counts[] = {a.past, a.keys};
    const std::int64_t key_rows[] = {a.key_size, a.k.row};  // elements from one to the next
    const std::int64_t value_rows[] = {a.value_size, a.v.row};
    for (std::size_t i = 0; i < 2; ++i) {
      const std::int64_t first = i == 0 ? 0 : a.past;
      if (counts[i] == 0 || a.queries == 0) continue;
      scores[i] = HeadPartOf(
          {a.queries, counts[i], a.key_size, false, true, a.q.row, key_rows[i], all, a.scale},
          first);
      values[i] = HeadPartOf(
          {a.queries, a.value_size, counts[i], false, false, all, value_rows[i], a.y.row, 1},
          first);
    }
  }

 private:
  HeadPart<T> HeadPartOf(const kernels::ProductShape& shape, std::int64_t first) {
    HeadPart<T> part{HeadProductOf<T>(shape), scratch_bytes, first, false};
    scratch_bytes += kernels::RoundUpToLine(part.product.scratch_bytes());
    return part;
  }
};

struct Functions {
  kernels::SoftmaxFn softmax = kernels::GetSoftmax();
  kernels::MathFn tanh = kernels::GetMathTable().tanh;
};

void Softmax(const Functions& functions, float* scores, std::int64_t rows, std::int64_t count) {
  functions.softmax({.outer = rows, .axis = count, .inner = 1}, scores, scores, 0, rows);
}

void Softmax(const Functions&, double* scores, std::int64_t rows, std::int64_t count) {
  for (double* row = scores; row != scores + rows * count; row += count) {
    const double largest = *std::max_element(row, row + count);
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += row[i] = std::exp(row[i] - largest);
    for (std::int64_t i = 0; i < count; ++i) row[i] /= sum;
  }
}

void Tanh(const Functions& functions, float* x, std::int64_t count) {
  functions.tanh(x, x, static_cast<std::size_t>(count), 0, 0);
}

void Tanh(const Functions&, double* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] = std::tanh(x[i]);
}

// The keys that a query may see, but for the mask.
struct Seen {
  std::int64_t begin, end;
};

// Adds a mask, whose elements are kStep apart, to scores; returns whether some key is seen. By
// bits, as compilers make a branch of a sum that is not always wanted.
template <std::int64_t kStep, typename T>
bool AddMask(const T* mask, std::int64_t count, T* row) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr T kNever = -std::numeric_limits<T>::infinity();
  constexpr Bits kNeverBits = std::bit_cast<Bits>(kNever);
  Bits any = 0;
  KINGLET_INDEPENDENT
  for (std::int64_t j = 0; j < count; ++j) {
    const T value = mask[j * kStep];
    const Bits seen = value != kNever ? ~Bits{0} : Bits{0};
    any |= seen;
    const Bits sum = std::bit_cast<Bits>(row[j] + value);
    row[j] = std::bit_cast<T>((sum & seen) | (kNeverBits & ~seen));
  }
  return any != 0;
}

// The same of a mask that says whether a key is seen.
template <std::int64_t kStep, typename T>
bool AddMask(const bool* mask, std::int64_t count, T* row) {
  constexpr T kNever = -std::numeric_limits<T>::infinity();
  int any = 0;
  KINGLET_INDEPENDENT
  for (std::int64_t j = 0; j < count; ++j) {
    const T score = row[j];
    any |= mask[j * kStep] ? 1 : 0;
    row[j] = mask[j * kStep] ? score : kNever;
  }
  return any != 0;
}

// Some queries of one head of one image.
template <typename T>
class Unit {
 public:
  Unit(const Attention& attention, const HeadProducts<T>& products, const Functions& functions,
       const StepArgs& args, std::int64_t image, std::int64_t head, kernels::Range queries)
      : a_(attention),
        products_(products),
        functions_(functions),
        args_(args),
        image_(image),
        head_(head),
        key_head_(head / (attention.heads / attention.key_heads)),
        first_(queries.begin),
        rows_(queries.end - queries.begin),
        keys_(attention.all_keys()),
        scores_(reinterpret_cast<T*>(args.scratch)) {}

  // Makes keys and values of the head operands of the products: for the units of this head and of
  // the others that share its keys.
  void TakeHead() const {
    for (const bool is_new : {false, true}) {
      if (products_.scores[is_new].is_empty) continue;
      Take(products_.scores[is_new], Keys(is_new));
      Take(products_.values[is_new], Values(is_new));
    }
  }

  // Among those of all images.
  std::int64_t key_head() const { return image_ * a_.key_heads + key_head_; }

  void Run() const {
    Score();
    Show(ScoresShown::kProducts);
    Cap();
    Show(ScoresShown::kCapped);
    bool sees[kQueries];
    for (std::int64_t i = 0; i < rows_; ++i) sees[i] = Mask(i, scores_ + i * keys_);
    Show(ScoresShown::kMasked);
    if (keys_ > 0) Softmax(functions_, scores_, rows_, keys_);
    for (std::int64_t i = 0; i < rows_; ++i) {  // a query that sees no key takes nothing of any
      if (!sees[i]) std::fill_n(scores_ + i * keys_, keys_, T{});
    }
    Show(ScoresShown::kWeights);
    Mix();
  }

 private:
  const T* In(std::size_t i) const { return static_cast<const T*>(args_.inputs[i]); }

  // Of the past of this head, {past, size}.
  const T* Past(std::size_t input, std::int64_t size) const {
    return In(input) + (image_ * a_.key_heads + key_head_) * a_.past * size;
  }
  const T* Keys(bool is_new) const {
    return is_new ? In(kK) + a_.k.At(image_, key_head_, 0) : Past(kPastKey, a_.key_size);
  }
  const T* Values(bool is_new) const {
    return is_new ? In(kV) + a_.v.At(image_, key_head_, 0) : Past(kPastValue, a_.value_size);
  }

  void Take(const HeadPart<T>& part, const T* right) const {
    part.product.TakeRight(right, args_.scratch + part.offset);
  }
  void Multiply(const HeadPart<T>& part, const T* left, const T* right, T* to, bool adds) const {
    part.product.Multiply(left, right, to, 0, rows_, adds, args_.scratch + part.offset);
  }

  void Score() const {
    const T* q = In(kQ) + a_.q.At(image_, head_, first_);
    for (const bool is_new : {false, true}) {
      const HeadPart<T>& part = products_.scores[is_new];
      if (!part.is_empty) Multiply(part, q, Keys(is_new), scores_ + part.first, false);
    }
  }

  void Cap() const {
    if (!(a_.softcap > 0)) return;
    const auto cap = static_cast<T>(a_.softcap);
    const std::int64_t count = rows_ * keys_;
    for (std::int64_t i = 0; i < count; ++i) scores_[i] /= cap;
    Tanh(functions_, scores_, count);
    for (std::int64_t i = 0; i < count; ++i) scores_[i] *= cap;
  }

  std::int64_t Length() const {
    return a_.has_lengths ? static_cast<const std::int64_t*>(args_.inputs[kLengths])[image_]
                          : keys_;
  }

  Seen SeenBy(std::int64_t query) const {
    const std::int64_t length = Length();
    const std::int64_t place = query + (a_.has_lengths ? length - a_.queries : a_.past);
    std::int64_t end = std::min(length, keys_);
    if (a_.causal) end = std::min(end, place + 1);
    if (a_.right >= 0 && a_.right < keys_) end = std::min(end, place + a_.right + 1);
    std::int64_t begin = 0;
    if (a_.left >= 0 && a_.left < place) begin = place - a_.left;
    end = std::clamp<std::int64_t>(end, 0, keys_);
    return {std::min(begin, end), end};
  }

  // Adds the mask to the scores of a row: minus infinity where a key is not seen. Returns whether
  // some key is.
  bool Mask(std::int64_t i, T* row) const {
    constexpr T kNever = -std::numeric_limits<T>::infinity();
    const Seen seen = SeenBy(first_ + i);
    std::fill(row, row + seen.begin, kNever);
    std::fill(row + seen.end, row + keys_, kNever);
    if (!a_.has_mask) return seen.begin < seen.end;
    const std::int64_t at = a_.mask.At(image_, head_, first_ + i);
    const std::int64_t masked_from = a_.mask_repeats ? keys_ : a_.mask_keys;
    const std::int64_t end = std::max(std::min(seen.end, masked_from), seen.begin);
    std::fill(row + end, row + seen.end, kNever);
    const std::int64_t count = end - seen.begin;
    if (a_.mask_is_bool) {
      const bool* mask = static_cast<const bool*>(args_.inputs[kMask]) + at;
      return a_.mask_repeats ? AddMask<0>(mask, count, row + seen.begin)
                             : AddMask<1>(mask + seen.begin, count, row + seen.begin);
    }
    const T* mask = In(kMask) + at;
    return a_.mask_repeats ? AddMask<0>(mask, count, row + seen.begin)
                           : AddMask<1>(mask + seen.begin, count, row + seen.begin);
  }

  void Show(ScoresShown what) const {
    if (a_.shown != what || !a_.shows) return;
    T* to = static_cast<T*>(args_.outputs[kScores]) +
            ((image_ * a_.heads + head_) * a_.queries + first_) * keys_;
    std::copy_n(scores_, rows_ * keys_, to);
  }

  void Mix() const {
    if (args_.outputs[kY] == nullptr) return;
    T* y = static_cast<T*>(args_.outputs[kY]) + a_.y.At(image_, head_, first_);
    if (keys_ == 0) {
      for (std::int64_t i = 0; i < rows_; ++i) std::fill_n(y + i * a_.y.row, a_.value_size, T{});
      return;
    }
    for (const bool is_new : {false, true}) {
      const HeadPart<T>& part = products_.values[is_new];
      if (part.is_empty) continue;
      Multiply(part, scores_ + part.first, Values(is_new), y, is_new && a_.past > 0);
    }
  }

  const Attention& a_;
  const HeadProducts<T>& products_;
  const Functions& functions_;
  const StepArgs& args_;
  std::int64_t image_, head_, key_head_, first_, rows_, keys_;
  T* scores_;
};

// Past and new rows of one head behind one another.
template <typename T>
void CopyPresent(const Attention& a, const StepArgs& args, std::int64_t image, std::int64_t head,
                 bool of_keys) {
  const std::int64_t head_index = image * a.key_heads + head;
  T* to = static_cast<T*>(args.outputs[of_keys ? kPresentKey : kPresentValue]);
  if (to == nullptr) return;
  const std::int64_t size = of_keys ? a.key_size : a.value_size;
  const HeadRows& rows = of_keys ? a.k : a.v;
  to += head_index * a.all_keys() * size;
  if (a.past > 0) {
    const auto* past = static_cast<const T*>(args.inputs[of_keys ? kPastKey : kPastValue]);
    to = std::copy_n(past + head_index * a.past * size, a.past * size, to);
  }
  const T* from = static_cast<const T*>(args.inputs[of_keys ? kK : kV]) + rows.At(image, head, 0);
  for (std::int64_t i = 0; i < a.keys; ++i, to += size) std::copy_n(from + i * rows.row, size, to);
}

// False, and said so, where the image has no such number of keys.
bool LengthFits(const Attention& a, const StepArgs& args, std::int64_t image) {
  if (!a.has_lengths) return true;
  const std::int64_t length = static_cast<const std::int64_t*>(args.inputs[kLengths])[image];
  if (length >= 0 && length <= a.all_keys()) return true;
  args.status->Fail("nonpad_kv_seqlen[%lld] is %lld, expected 0 to %lld",
                    static_cast<long long>(image), static_cast<long long>(length),
                    static_cast<long long>(a.all_keys()));
  return false;
}

// Of each image, first the parts of all heads, then the copies of all heads of keys.
template <typename T>
std::unique_ptr<Step> MakeAttentionStep(const PlanContext& context, const Attention& a) {
  const HeadProducts<T> products(a);
  const std::int64_t parts = CeilDiv(a.queries, kQueries);
  const std::int64_t of_queries = a.heads * parts;
  const bool keys = context.HasOutput(kPresentKey);
  const bool values = context.HasOutput(kPresentValue);
  const bool copies = (keys || values) && a.all_keys() > 0;
  const std::int64_t of_image = of_queries + (copies ? a.key_heads : 0);
  auto step = MakeStep(
      std::string("attention/") + DataTypeName(context.InputType(kQ)), a.images * of_image,
      [=, functions = Functions()](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        std::int64_t taken = -1;  // the head whose keys are there
        for (std::int64_t unit = begin; unit < end; ++unit) {
          const std::int64_t image = unit / of_image;
          const std::int64_t part = unit % of_image;
          if (part >= of_queries) {
            if (keys) CopyPresent<T>(a, args, image, part - of_queries, true);
            if (values) CopyPresent<T>(a, args, image, part - of_queries, false);
            continue;
          }
          if (!LengthFits(a, args, image)) return;
          const Unit<T> now(a, products, functions, args, image, part / parts,
                            kernels::EvenPart(a.queries, parts, part % parts));
          if (now.key_head() != taken) now.TakeHead();
          taken = now.key_head();
          now.Run();
        }
      });
  step->scratch_bytes = products.scratch_bytes;
  return step;
}

std::unique_ptr<Step> PlanAttention(PlanContext& context) {
  Attention a = ReadAttention(context);
  auto step = DispatchFloat(context.InputType(kQ),
                            [&]<typename T>() { return MakeAttentionStep<T>(context, a); });
  const std::int64_t scores = a.images * a.heads * a.queries * a.all_keys();
  step->macs = scores * (a.key_size + a.value_size);
  kernels::WorkStage stage;
  stage.Add({.kind = kernels::WorkKind::kTile, .count = 2 * static_cast<double>(step->macs)});
  stage.Add({.kind = kernels::WorkKind::kScalar, .count = 6 * static_cast<double>(scores)});
  for (const std::size_t i : {kQ, kK, kV}) {
    stage.read_bytes += 4 * static_cast<double>(ElementCount(context.InputShape(i)));
  }
  stage.write_bytes = 4 * static_cast<double>(ElementCount(context.OutputShape(kY)));
  step->work = kernels::SharedWork(stage, step->units, context.threads());
  return step;
}

void InferAttention(InferContext& context) {
  const Attention a = ReadAttention(context);
  const DataType type = context.InputType(kQ);
  if (context.InputShape(kQ).size() == 3) {
    context.SetOutput(kY, type, {a.images, a.queries, a.heads * a.value_size});
  } else {
    context.SetOutput(kY, type, {a.images, a.heads, a.queries, a.value_size});
  }
  context.SetOutput(kPresentKey, type, {a.images, a.key_heads, a.all_keys(), a.key_size});
  context.SetOutput(kPresentValue, type, {a.images, a.key_heads, a.all_keys(), a.value_size});
  context.SetOutput(kScores, type, {a.images, a.heads, a.queries, a.all_keys()});
}

// A mask has no batch, or the same one.
bool AttentionBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!context.HasInput(i)) continue;
    if (i == kMask && inputs[i] == BatchUse::kFree) {
      const Shape& shape = context.InputShape(i);
      if (shape.size() == 4 && shape[0] != 1) return false;
    } else if (i == kMask && context.InputShape(i).size() != 4) {
      return false;
    } else if (inputs[i] != BatchUse::kImages) {
      return false;
    }
  }
  return true;
}

}  // namespace

const OpDef& OpAttention() {
  static const OpDef op{
      .name = "Attention",
      .since = 23,
      .min_inputs = 3,
      .max_inputs = 7,
      .max_outputs = 4,
      .attributes =
          "is_causal kv_num_heads left_window_size q_num_heads qk_matmul_output_mode "
          "right_window_size scale softcap softmax_precision",
      .types = "float32, float64",
      .infer = InferAttention,
      .plan = PlanAttention,
      .batch_wise = AttentionBatchWise};
  return op;
}

}  // namespace kinglet
