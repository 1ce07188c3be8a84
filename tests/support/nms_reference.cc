#include "tests/support/nms_reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kinglet::testing {
namespace {

using kernels::BoxCoding;
using kernels::BoxForm;
using kernels::Detect;
using kernels::Detection;
using kernels::ScoreActivation;

struct Corners {
  float a1, b1, a2, b2;
  float Area() const { return (a2 - a1) * (b2 - b1); }
  bool IsBox() const {
    return a2 > a1 && b2 > b1 && Area() > 0 && std::isfinite(Area());  // NaN compares false
  }
};

Corners CornersOf(BoxForm form, const float* p) {
  if (form == BoxForm::kCentreSize) {
    return {p[0] - p[2] / 2, p[1] - p[3] / 2, p[0] + p[2] / 2, p[1] + p[3] / 2};
  }
  if (form == BoxForm::kCorners) return {p[0], p[1], p[2], p[3]};
  const bool swap_a = p[2] < p[0], swap_b = p[3] < p[1];
  return {p[swap_a ? 2 : 0], p[swap_b ? 3 : 1], p[swap_a ? 0 : 2], p[swap_b ? 1 : 3]};
}

bool Overlap(const Corners& x, const Corners& y, float threshold) {
  if (!x.IsBox() || !y.IsBox()) return false;
  const float a = std::min(x.a2, y.a2) - std::max(x.a1, y.a1);
  const float b = std::min(x.b2, y.b2) - std::max(x.b1, y.b1);
  if (!(a > 0) || !(b > 0)) return false;
  const float both = a * b;
  return both > threshold * (x.Area() + y.Area() - both);
}

std::vector<float> Activate(const Detect& d, const float* row) {
  std::vector<float> p(row, row + d.columns);
  if (d.activation == ScoreActivation::kSigmoid) {
    for (float& v : p) v = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(v))));
  } else if (d.activation == ScoreActivation::kSoftmax) {
    const double max = static_cast<double>(*std::max_element(p.begin(), p.end()));
    double sum = 0;
    for (const float v : p) sum += std::exp(static_cast<double>(v) - max);
    for (float& v : p) v = static_cast<float>(std::exp(static_cast<double>(v) - max) / sum);
  }
  return p;
}

const float* CodeOf(const Detect& d, const float* codes, int64_t anchor, int64_t column) {
  if (d.code_classes == 1) return codes + anchor * 4;
  return codes + (anchor * d.code_classes + column - (d.columns - d.code_classes)) * 4;
}

Detection Make(const Detect& d, const float* box, float score, int64_t column, int64_t anchor) {
  Detection result = {
      {}, score, static_cast<int32_t>(column - d.first_class), static_cast<uint32_t>(anchor)};
  std::copy_n(box, 4, result.box);
  return result;
}

using Rows = std::vector<std::vector<float>>;

std::vector<Detection> PerClass(const Detect& d, const Rows& scores, const float* codes,
                                const float* anchors) {
  std::vector<Detection> all;
  for (int64_t c = d.first_class; c < d.columns; ++c) {
    std::vector<float> column, boxes;
    for (int64_t a = 0; a < d.anchors; ++a) {
      column.push_back(scores[static_cast<size_t>(a)][static_cast<size_t>(c)]);
      const auto box = ReferenceDecode(d.coder, CodeOf(d, codes, a, c), anchors + a * 4);
      boxes.insert(boxes.end(), box.begin(), box.end());
    }
    const kernels::Nms nms = {d.iou_threshold, d.max_per_class, BoxForm::kCorners};
    for (const uint32_t a : ReferenceNms(nms, boxes.data(), column, d.limit)) {
      all.push_back(Make(d, &boxes[size_t{4} * a], column[a], c, a));
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Detection& x, const Detection& y) { return x.score > y.score; });
  if (static_cast<int64_t>(all.size()) > d.max_detections) {
    all.resize(static_cast<size_t>(d.max_detections));
  }
  return all;
}

std::vector<Detection> Fast(const Detect& d, const Rows& scores, const float* codes,
                            const float* anchors) {
  std::vector<std::vector<int64_t>> order;
  std::vector<float> best, boxes;
  for (int64_t a = 0; a < d.anchors; ++a) {
    const std::vector<float>& row = scores[static_cast<size_t>(a)];
    std::vector<int64_t> columns;
    for (int64_t c = d.first_class; c < d.columns; ++c) {
      if (!std::isnan(row[static_cast<size_t>(c)])) columns.push_back(c);
    }
    std::stable_sort(columns.begin(), columns.end(), [&](int64_t x, int64_t y) {
      return row[static_cast<size_t>(x)] > row[static_cast<size_t>(y)];
    });
    best.push_back(columns.empty() ? std::nanf("") : row[static_cast<size_t>(columns[0])]);
    const int64_t column = columns.empty() ? d.first_class : columns[0];
    const auto box = ReferenceDecode(d.coder, CodeOf(d, codes, a, column), anchors + a * 4);
    boxes.insert(boxes.end(), box.begin(), box.end());
    order.push_back(columns);
  }
  std::vector<Detection> all;
  const kernels::Nms nms = {d.iou_threshold, d.max_detections, BoxForm::kCorners};
  for (const uint32_t a : ReferenceNms(nms, boxes.data(), best, d.limit)) {
    for (size_t k = 0; k < std::min(order[a].size(), static_cast<size_t>(d.classes_per_anchor));
         ++k) {
      const int64_t c = order[a][k];
      all.push_back(Make(d, &boxes[size_t{4} * a], scores[a][static_cast<size_t>(c)], c, a));
    }
  }
  return all;
}

}  // namespace

std::vector<uint32_t> ReferenceNms(const kernels::Nms& nms, const float* boxes,
                                   const std::vector<float>& scores,
                                   const kernels::ScoreLimit& limit) {
  std::vector<uint32_t> order;
  for (size_t i = 0; i < scores.size(); ++i) {
    const bool passes =
        limit.inclusive ? scores[i] >= limit.threshold : scores[i] > limit.threshold;
    if (passes) order.push_back(static_cast<uint32_t>(i));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t x, uint32_t y) { return scores[x] > scores[y]; });
  std::vector<uint32_t> selected;
  for (const uint32_t i : order) {
    if (static_cast<int64_t>(selected.size()) >= nms.max_output) break;
    const Corners box = CornersOf(nms.form, boxes + size_t{4} * i);
    const bool suppressed = std::any_of(selected.begin(), selected.end(), [&](uint32_t k) {
      return Overlap(box, CornersOf(nms.form, boxes + size_t{4} * k), nms.iou_threshold);
    });
    if (!suppressed) selected.push_back(i);
  }
  return selected;
}

std::vector<float> ReferenceDecode(const kernels::BoxCoder& coder, const float* code,
                                   const float* anchor) {
  const int y = coder.x_first ? 1 : 0, x = 1 - y, h = y + 2, w = x + 2;
  const float* s = coder.scales;
  std::vector<float> box;
  switch (coder.coding) {
    case BoxCoding::kCentreSize: {
      const float cx = code[x] / s[x] * anchor[w] + anchor[x];
      const float cy = code[y] / s[y] * anchor[h] + anchor[y];
      const auto size = [&](int k) {
        const float log_size = code[k] / s[k];
        return std::exp(log_size > coder.max_log_size ? coder.max_log_size : log_size) * anchor[k];
      };
      box = {cx - size(w) / 2, cy - size(h) / 2, cx + size(w) / 2, cy + size(h) / 2};
      break;
    }
    case BoxCoding::kCorners:
      box = {code[x], code[y], code[w], code[h]};
      break;
    case BoxCoding::kCentres:
      box = {code[x] - code[w] / 2, code[y] - code[h] / 2, code[x] + code[w] / 2,
             code[y] + code[h] / 2};
      break;
    case BoxCoding::kDistances:
      box = {anchor[x] - code[x] / s[x] * anchor[w], anchor[y] - code[y] / s[y] * anchor[h],
             anchor[x] + code[w] / s[w] * anchor[w], anchor[y] + code[h] / s[h] * anchor[h]};
      break;
  }
  if (!coder.clip) return box;
  for (size_t k = 0; k < 4; ++k) {
    if (box[k] < coder.window[k % 2]) box[k] = coder.window[k % 2];
    if (box[k] > coder.window[k % 2 + 2]) box[k] = coder.window[k % 2 + 2];
  }
  return box;
}

std::vector<Detection> ReferenceDetect(const Detect& d, const float* scores, const float* codes,
                                       const float* anchors) {
  Rows activated;
  for (int64_t a = 0; a < d.anchors; ++a) activated.push_back(Activate(d, scores + a * d.columns));
  return d.kind == kernels::DetectKind::kFast ? Fast(d, activated, codes, anchors)
                                              : PerClass(d, activated, codes, anchors);
}

}  // namespace kinglet::testing
