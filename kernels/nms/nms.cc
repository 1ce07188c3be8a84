#include "kernels/nms/nms.h"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nms/nms.cc"
#include "kernels/common/dispatch.h"
#include "kernels/nms/grid-inl.h"
#include "kernels/nms/keys.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// Where a few are wanted, and less than such a share of the candidates, so many for each wanted one
// are looked at first.
constexpr int64_t kTopMost = 512;
constexpr int64_t kTopShare = 16;
constexpr int64_t kTopOutputs = 4;

// One run over the candidates.
struct Selection {
  const Nms& nms;
  const float* boxes;
  uint64_t* keys;
  int64_t count;
  const NmsMemory& memory;
  int64_t selected = 0;  // so many, at the front of the keys
  int64_t kept = 0;      // so many of them have an area

  Box At(int64_t k) const { return LoadBox(nms.form, boxes + size_t{4} * KeyIndex(keys[k])); }
  bool Enough() const { return selected >= nms.max_output; }

  int64_t Flat(int64_t next, int64_t most);
  int64_t Grid(int64_t next);
};

// Goes on from candidate `next` and compares with all that are kept, until those are `most`.
// Returns the next candidate.
int64_t Selection::Flat(int64_t next, int64_t most) {
  constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(ArrayTag()));
  const KeptBoxes all{memory.kept, memory.stride};
  for (; next < count && kept < most && !Enough(); ++next) {
    const Box box = At(next);
    if (box.HasArea()) {
      if (Suppressed(all, 0, kept, box, nms.iou_threshold)) continue;
      if (kept % kLanes == 0) all.Clear(kept, kept + kLanes);
      all.Set(kept++, box);
    }
    keys[selected++] = keys[next];
  }
  return next;
}

// Goes on from candidate `next` to the end, if a grid is possible. Its boxes are the selected ones,
// then the candidates. Returns the next candidate.
int64_t Selection::Grid(int64_t next) {
  const int64_t first = selected, shift = next - first;
  BoxGrid grid(nms.iou_threshold, memory.grid);
  const auto box_of = [&](int64_t i) { return At(i < first ? i : i + shift); };
  if (!grid.Layout(count - shift, box_of)) return next;
  for (int64_t i = 0; i < first; ++i) {
    if (grid.At(i).HasArea()) grid.Add(i);
  }
  for (; next < count && !Enough(); ++next) {
    const Box& box = grid.At(next - shift);
    if (box.HasArea()) {
      if (grid.Suppresses(box)) continue;
      grid.Add(next - shift);
    }
    keys[selected++] = keys[next];
  }
  return count;
}

int64_t Run(const Nms& nms, const float* boxes, uint64_t* keys, int64_t count,
            void* scratch) noexcept {
  if (nms.max_output <= 0 || count == 0) return 0;
  const NmsMemory memory(nms, count, scratch);
  Selection selection{nms, boxes, keys, 0, memory};
  int64_t next = 0;
  if (nms.max_output < count / kTopShare && nms.max_output <= kTopMost) {
    // The best ones may do: the others are sorted when those are not enough.
    selection.count = MoveTopKeys(keys, count, kTopOutputs * nms.max_output, memory.other_keys);
    SortKeys(keys, selection.count, memory.other_keys);
    next = selection.Flat(next, INT64_MAX);
    if (selection.Enough()) return selection.selected;
  }
  SortKeys(keys + next, count - next, memory.other_keys);
  selection.count = count;
  if (memory.grid.slots > 0) {
    next = selection.Flat(next, kFlatBoxes);
    if (count - next > kFlatBoxes) next = selection.Grid(next);
  }
  selection.Flat(next, INT64_MAX);
  return selection.selected;
}

}  // namespace

NmsFn NmsForTarget() { return Run; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Nms);
HWY_EXPORT(NmsForTarget);

NmsFn GetNms() noexcept { return KINGLET_RESOLVE(NmsForTarget)(); }

size_t NmsScratchBytes(const Nms& nms, int64_t count) noexcept {
  return nms.max_output <= 0 || count == 0 ? 0 : NmsMemory(nms, count, nullptr).bytes;
}

}  // namespace kinglet::kernels
#endif
