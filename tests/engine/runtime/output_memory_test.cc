#include "engine/runtime/output_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <thread>

namespace kinglet::output_memory_test {
namespace {

constexpr DataType kFloat = DataType::kFloat32;

TEST(OutputMemory, MemoryComesBackWithItsLastHandle) {
  OutputMemory memory;
  Tensor tensor;
  memory.Renew(tensor, kFloat, {100});
  EXPECT_EQ(tensor.shape(), (Shape{100}));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64, 0u);
  const void* const first = tensor.raw();
  memory.Renew(tensor, kFloat, {90});
  EXPECT_EQ(tensor.raw(), first);
  EXPECT_EQ(tensor.size(), 90);
  std::optional<Tensor> kept = tensor.Reshaped({9, 10});
  memory.Renew(tensor, kFloat, {90});
  EXPECT_NE(tensor.raw(), first);
  kept.reset();
  Tensor other;
  memory.Renew(other, kFloat, {100});
  EXPECT_EQ(other.raw(), first);
}

TEST(OutputMemory, AHandleMayGoInAnotherThread) {
  OutputMemory memory;
  Tensor tensor;
  for (int round = 0; round < 200; ++round) {
    memory.Renew(tensor, kFloat, {1000});
    std::memset(tensor.raw(), round, tensor.bytes());
    std::thread reader([kept = tensor, round] {
      for (std::size_t i = 0; i < kept.bytes(); ++i) {
        ASSERT_EQ(static_cast<const std::uint8_t*>(kept.raw())[i], round);
      }
    });
    memory.Renew(tensor, kFloat, {1000});
    std::memset(tensor.raw(), 255, tensor.bytes());
    reader.join();
  }
}

TEST(OutputMemory, TensorsOutliveIt) {
  Tensor tensor;
  {
    OutputMemory memory;
    memory.Renew(tensor, kFloat, {50});
    std::memset(tensor.raw(), 0, tensor.bytes());
  }
  EXPECT_EQ(tensor.data<float>()[49], 0.0f);
}

TEST(OutputMemory, GivesBackWhatManyRunsDidNotNeed) {
  OutputMemory memory;
  Tensor large;
  Tensor small;
  memory.Renew(large, kFloat, {100'000});
  large = Tensor();
  EXPECT_GE(memory.free_bytes(), 400'000u);
  for (int run = 0; run < 200; ++run) {
    memory.Renew(small, kFloat, {10});
    memory.EndRun();
  }
  EXPECT_LT(memory.free_bytes(), 1000u);
}

}  // namespace
}  // namespace kinglet::output_memory_test
