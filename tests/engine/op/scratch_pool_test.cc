#include "engine/op/scratch_pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "kinglet/error.h"

namespace kinglet::scratch_pool_test {
namespace {

TEST(ScratchPool, BlocksAreAlignedLargeEnoughAndApart) {
  ScratchPool pool(std::size_t{1} << 24);
  std::vector<ScratchRef> held;
  for (std::size_t bytes = 0; bytes < 5000; bytes += 37) {
    held.push_back(pool.Take(bytes));
    std::byte* data = held.back().data();
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(data) % 64, 0u) << bytes;
    std::fill_n(data, bytes, static_cast<std::byte>(bytes % 251));
  }
  std::size_t at = 0;
  for (std::size_t bytes = 0; bytes < 5000; bytes += 37, ++at) {
    for (std::size_t i = 0; i < bytes; ++i) {
      ASSERT_EQ(held[at].data()[i], static_cast<std::byte>(bytes % 251)) << bytes;
    }
  }
}

TEST(ScratchPool, TheSameSizesNeedNoMoreMemory) {
  ScratchPool pool(std::size_t{1} << 24);
  std::size_t first = 0;
  for (int run = 0; run < 100; ++run) {
    {
      const ScratchRef a = pool.Take(1000);
      const ScratchRef b = pool.Take(70000);
      const ScratchRef again = a;
      EXPECT_FALSE(a.sole());
      EXPECT_TRUE(b.sole());
    }
    EXPECT_EQ(pool.used_bytes(), 0u);
    pool.EndRun();
    if (run == 0) first = pool.held_bytes();
    EXPECT_EQ(pool.held_bytes(), first);
  }
}

TEST(ScratchPool, WhatNobodyAsksForAnyMoreGoesBack) {
  ScratchPool pool(std::size_t{1} << 24);
  for (std::size_t run = 0; run < 1000; ++run) {
    pool.Take(1000 + 997 * run);
    pool.EndRun();
    EXPECT_LT(pool.held_bytes(), std::size_t{40} * (1000 + 997 * run) + 65536);
  }
  for (int run = 0; run < 64; ++run) pool.EndRun();
  EXPECT_EQ(pool.held_bytes(), 0u);
}

TEST(ScratchPool, TheLimitIsAnErrorAndFreeBlocksCountForNothing) {
  ScratchPool pool(std::size_t{1} << 20);
  for (std::size_t bytes = 1000; bytes < 900000; bytes += 50000) pool.Take(bytes);
  const ScratchRef half = pool.Take(500000);
  try {
    pool.Take(600000);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResource);
  }
  EXPECT_NE(pool.Take(300000).data(), nullptr);
  EXPECT_THROW(pool.Take(std::size_t{2} << 20), Error);
}

}  // namespace
}  // namespace kinglet::scratch_pool_test
