#include "kernels/nms/box_coder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/nms_reference.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::box_coder_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

void ExpectBox(const float* found, const std::vector<float>& expected) {
  for (size_t k = 0; k < 4; ++k) {
    if (std::isnan(expected[k])) {
      ASSERT_TRUE(std::isnan(found[k])) << k;
    } else if (std::isinf(expected[k])) {
      ASSERT_EQ(found[k], expected[k]) << k;
    } else {
      float size = 1;  // what is added up
      for (const float v : expected) size += std::isfinite(v) ? std::abs(v) : 0.0f;
      ASSERT_NEAR(found[k], expected[k], 0x1p-20f * size) << k;
    }
  }
}

std::vector<BoxCoder> Coders() {
  std::vector<BoxCoder> coders;
  for (const BoxCoding coding :
       {BoxCoding::kCentreSize, BoxCoding::kCorners, BoxCoding::kCentres, BoxCoding::kDistances}) {
    for (const bool x_first : {false, true}) {
      for (const bool clip : {false, true}) {
        coders.push_back({coding, x_first, {10, 8, 5, 4}, 0.3f, clip, {-0.5f, -0.25f, 0.5f, 1}});
      }
    }
  }
  return coders;
}

TEST(DecodeBoxes, EveryCodingAndCount) {
  ForEachTarget([] {
    const GuardedBuffer<float> codes(RandomFloats(4 * 3 * 150, 3, -2, 2), 1);
    const GuardedBuffer<float> anchors(RandomFloats(4 * 150, 4, 0.1f, 1), 3);
    for (const BoxCoder& coder : Coders()) {
      for (const int64_t count : {0, 1, 7, 8, 9, 63, 64, 65, 150}) {
        GuardedBuffer<float> boxes(static_cast<size_t>(count) * 4, 1);
        GetDecodeBoxes()(coder, codes.data(), anchors.data(), nullptr, count, 1, boxes.data());
        for (int64_t i = 0; i < count; ++i) {
          ExpectBox(boxes.data() + i * 4,
                    testing::ReferenceDecode(coder, codes.data() + i * 4, anchors.data() + i * 4));
        }
        ASSERT_TRUE(boxes.Intact());
      }
      const std::vector<uint32_t> rows = {449, 0, 17, 17, 300};
      std::vector<float> boxes(rows.size() * 4);
      GetDecodeBoxes()(coder, codes.data(), anchors.data(), rows.data(), 5, 3, boxes.data());
      for (size_t i = 0; i < rows.size(); ++i) {
        ExpectBox(&boxes[i * 4],
                  testing::ReferenceDecode(coder, codes.data() + size_t{4} * rows[i],
                                           anchors.data() + size_t{4} * (rows[i] / 3)));
      }
    }
  });
}

TEST(DecodeBoxes, TensorFlowsConvention) {
  ForEachTarget([] {
    const std::vector<float> code = {1, 2, 5 * std::log(2.0f), 0},
                             anchor = {0.5f, 0.25f, 0.2f, 0.1f};
    std::vector<float> box(4);
    GetDecodeBoxes()({BoxCoding::kCentreSize, false, {10, 10, 5, 5}}, code.data(), anchor.data(),
                     nullptr, 1, 1, box.data());
    ExpectBox(box.data(), {0.22f, 0.32f, 0.32f, 0.72f});
  });
}

TEST(DecodeBoxes, NanAndInfinity) {
  ForEachTarget([] {
    const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
    const std::vector<float> anchor = {0.5f, 0.5f, 1, 1};
    for (const BoxCoding coding : {BoxCoding::kCentreSize, BoxCoding::kDistances}) {
      for (const float v : {nan, inf, -inf}) {
        for (size_t k = 0; k < 4; ++k) {
          std::vector<float> code(4, 0.0f), box(4);
          code[k] = v;
          const BoxCoder coder = {coding, false, {10, 10, 5, 5}};
          GetDecodeBoxes()(coder, code.data(), anchor.data(), nullptr, 1, 1, box.data());
          ExpectBox(box.data(), testing::ReferenceDecode(coder, code.data(), anchor.data()));
        }
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::box_coder_test
