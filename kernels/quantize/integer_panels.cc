#include "kernels/quantize/integer_panels.h"

#include <algorithm>

#include "kernels/common/epilogue.h"
#include "kernels/conv/quads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize/integer_panels.cc"
#include "kernels/common/dispatch.h"
#include "kernels/conv/gather_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<uint32_t, 16>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));

// How an element is stored in a group.
template <typename T, typename Packed>
HWY_INLINE Packed PackedOf(T value, int flip) {
  if constexpr (sizeof(Packed) == 1) {
    return static_cast<Packed>(static_cast<uint8_t>(value) ^ flip);
  } else {
    return static_cast<Packed>(value);
  }
}

// `flip`: bits that turn a byte into one of the other sign.
template <typename T, typename Packed>
void PackRowsOf(const PanelForm& form, const ByteMatrix& a, int flip, int64_t rows, int64_t depth,
                std::byte* to, int32_t* sums) {
  const int64_t step = form.RowBytes(depth);
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = static_cast<const T*>(a.data) + r * a.row;
    auto* packed = reinterpret_cast<Packed*>(to + r * step);
    uint32_t sum = 0;
    if (a.column == 1) {
      for (int64_t k = 0; k < depth; ++k) {
        packed[k] = PackedOf<T, Packed>(from[k], flip);
        sum += static_cast<uint32_t>(int32_t{packed[k]});
      }
    } else {
      for (int64_t k = 0; k < depth; ++k) {
        packed[k] = PackedOf<T, Packed>(from[k * a.column], flip);
        sum += static_cast<uint32_t>(int32_t{packed[k]});
      }
    }
    std::fill(packed + depth, packed + step / static_cast<int64_t>(sizeof(Packed)), Packed{0});
    sums[r] = static_cast<int32_t>(sum);
  }
}

void PackRows(const PanelForm& form, const ByteMatrix& a, int64_t rows, int64_t depth,
              std::byte* to, int32_t* sums) noexcept {
  if (form.quads) {
    const int flip = a.is_signed ? 0x80 : 0;
    return PackRowsOf<uint8_t, uint8_t>(form, a, flip, rows, depth, to, sums);
  }
  if (a.is_signed) return PackRowsOf<int8_t, int16_t>(form, a, 0, rows, depth, to, sums);
  PackRowsOf<uint8_t, int16_t>(form, a, 0, rows, depth, to, sums);
}

template <typename T, typename Packed>
void PackPanelOf(const PanelForm& form, const ByteMatrix& b, int flip, int64_t depth,
                 int64_t columns, std::byte* to) {
  constexpr int64_t kInGroup = 4 / static_cast<int64_t>(sizeof(Packed));
  const int64_t groups = form.Groups(depth);
  auto* packed = reinterpret_cast<Packed*>(to);
  uint32_t sums[kPanelColumns] = {};
  std::fill_n(packed, groups * kPanelColumns * kInGroup, Packed{0});
  for (int64_t k = 0; k < depth; ++k) {
    const T* from = static_cast<const T*>(b.data) + k * b.row;
    for (int64_t first = 0; first < columns; first += kDotBlock) {
      Packed* group = packed + (first / kDotBlock * groups + k / kInGroup) * kDotBlock * kInGroup +
                      k % kInGroup;
      for (int64_t j = 0; j < std::min(kDotBlock, columns - first); ++j) {
        const auto value = PackedOf<T, Packed>(from[(first + j) * b.column], flip);
        group[j * kInGroup] = value;
        sums[first + j] += static_cast<uint32_t>(int32_t{value});
      }
    }
  }
  auto* ends = reinterpret_cast<int32_t*>(to + groups * kPanelColumns * 4);
  for (int64_t j = 0; j < kPanelColumns; ++j) ends[j] = static_cast<int32_t>(sums[j]);
}

void PackPanel(const PanelForm& form, const ByteMatrix& b, int64_t depth, int64_t columns,
               std::byte* to) noexcept {
  if (form.quads) {
    const int flip = b.is_signed ? 0 : 0x80;
    return PackPanelOf<uint8_t, int8_t>(form, b, flip, depth, columns, to);
  }
  if (b.is_signed) return PackPanelOf<int8_t, int16_t>(form, b, 0, depth, columns, to);
  PackPanelOf<uint8_t, int16_t>(form, b, 0, depth, columns, to);
}

// Takes the zero points off.
void TakeOffZeros(const PanelProduct& p) {
  const Tag d;
  const uint32_t row_shift = p.form.quads && p.rows_are_signed ? 128 : 0;
  const uint32_t column_shift = p.form.quads && !p.columns_are_signed ? 128 : 0;
  const auto depth = static_cast<uint32_t>(p.depth);
  const auto* ends =
      reinterpret_cast<const int32_t*>(p.panel + p.form.Groups(p.depth) * kPanelColumns * 4);
  HWY_ALIGN uint32_t zeros[kPanelColumns];
  HWY_ALIGN uint32_t rest[kPanelColumns];  // sum b - depth y
  for (int64_t j = 0; j < kPanelColumns; ++j) {
    zeros[j] = static_cast<uint32_t>(p.column_zeros[j]) - column_shift;
    rest[j] = static_cast<uint32_t>(ends[j]) - depth * zeros[j];
  }
  auto* sums = reinterpret_cast<uint32_t*>(p.sums);
  for (int64_t r = 0; r < p.rows; ++r, sums += kPanelColumns) {
    const auto zero = hn::Set(d, static_cast<uint32_t>(p.row_zeros[r]) + row_shift);
    const auto sum = hn::Set(d, static_cast<uint32_t>(p.row_sums[r]));
    for (int64_t j = 0; j < kPanelColumns; j += kLanes) {
      const auto off =
          hn::Add(hn::Mul(zero, hn::Load(d, rest + j)), hn::Mul(sum, hn::Load(d, zeros + j)));
      hn::StoreU(hn::Sub(hn::LoadU(d, sums + j), off), d, sums + j);
    }
  }
}

void Multiply(const PanelProduct& p) noexcept {
  static constexpr int32_t kBias[kPanelColumns] = {};
  static constexpr float kScales[kPanelColumns] = {};
  static constexpr Epilogue kEpilogue = {.type = ElementType::kUInt8};
  static constexpr int32_t kNoExtras[kPanelColumns / kDotBlock + 1] = {};
  const int64_t row_bytes = p.form.RowBytes(p.depth), first_step = 0;
  int64_t offsets[kPanelRows];
  for (int64_t r = 0; r < p.rows; ++r) offsets[r] = r * row_bytes;
  GatherDots g;
  g.in = p.row_data;
  g.pixel_offsets = offsets;
  g.pixels = p.rows;
  g.step_offsets = &first_step;
  g.full_steps = 1;
  g.full_groups = p.form.Groups(p.depth);
  g.weights = reinterpret_cast<const int32_t*>(p.panel);
  g.extra_begin = kNoExtras;
  g.bias = kBias;
  g.scales = kScales;
  g.blocks = kPanelColumns / kDotBlock;
  g.sums = p.sums;
  g.raw = true;
  g.epilogue = &kEpilogue;
  p.form.product(g);
  TakeOffZeros(p);
}

constexpr PanelTable kTable = {PackRows, PackPanel, Multiply};

}  // namespace

const PanelTable* PanelTableForTarget() { return &kTable; }
GatherDotsFn PairsForTarget() { return &RunGatherDots; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(IntegerPanels);
HWY_EXPORT(PanelTableForTarget);
HWY_EXPORT(PairsForTarget);

const PanelTable& GetPanelTable() noexcept { return *KINGLET_RESOLVE(PanelTableForTarget)(); }

PanelForm PairPanelForm() noexcept { return {false, KINGLET_RESOLVE(PairsForTarget)()}; }

PanelForm FindPanelForm() noexcept {
  const CpuFeatures features = UsableFeatures();
  if (features.Has(CpuFeature::kAvx512Vnni) && QuadDotsAvx512Vnni() != nullptr) {
    return {true, QuadDotsAvx512Vnni()};
  }
  if (features.Has(CpuFeature::kAvxVnni) && QuadDotsAvxVnni() != nullptr) {
    return {true, QuadDotsAvxVnni()};
  }
  return PairPanelForm();
}

}  // namespace kinglet::kernels
#endif
