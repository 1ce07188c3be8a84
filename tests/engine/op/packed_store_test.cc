#include "engine/op/packed_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <future>
#include <thread>

#include "kinglet/error.h"
#include "tests/support/op_runner.h"

namespace kinglet::packed_store_test {
namespace {

using kernels::PackedFormat;
using testing::Catch;

const PackedFormat kFormat = {.family = "conv", .variant = "direct", .block = 16};
const PackedFormat kOther = {.family = "conv", .variant = "winograd4", .block = 16};

void Nothing(void*) {}

TEST(PackedStore, EachFormIsMadeOnce) {
  PackedStore store;
  int made = 0;
  const auto fill = [&](void* to) { std::memset(to, ++made, 100); };
  const void* first = store.Get(1, kFormat, 100, fill);
  EXPECT_EQ(store.Get(1, kFormat, 100, fill), first);
  EXPECT_EQ(made, 1);
  EXPECT_EQ(static_cast<const char*>(first)[99], 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0u);
  EXPECT_NE(store.Get(1, kOther, 100, fill), first);
  EXPECT_NE(store.Get(2, kFormat, 100, fill), first);
  EXPECT_EQ(made, 3);
  EXPECT_EQ(store.bytes(), 300u);
}

TEST(PackedStore, KnowsWhatItHolds) {
  PackedStore store;
  EXPECT_TRUE(store.Contents().empty());
  const void* second = store.Get(2, kFormat, 8, Nothing);
  const void* first = store.Get(1, kOther, 64, Nothing);
  const auto forms = store.Contents();
  ASSERT_EQ(forms.size(), 2u);
  EXPECT_EQ(forms[0].constant, 1);
  EXPECT_TRUE(forms[0].format == kOther);
  EXPECT_EQ(forms[0].data, first);
  EXPECT_EQ(forms[0].bytes, 64u);
  EXPECT_FALSE(forms[0].adopted);
  EXPECT_EQ(forms[1].constant, 2);
  EXPECT_EQ(forms[1].data, second);
}

// A page of a mapping that nobody may write: a store that did would end the process.
TEST(PackedStore, StandsOnReadOnlyMappedMemory) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char name[] = "/tmp/kinglet_packed_store_XXXXXX";
  const int file = mkstemp(name);
  ASSERT_GE(file, 0);
  unlink(name);
  const std::string content(page, 'p');
  ASSERT_EQ(write(file, content.data(), page), static_cast<ssize_t>(page));
  void* mapped = mmap(nullptr, page, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  ASSERT_NE(mapped, MAP_FAILED);
  bool unmapped = false;
  {
    PackedStore store;
    store.Adopt(7, kFormat, static_cast<char*>(mapped) + 128, 256,
                std::shared_ptr<const void>(mapped, [&](const void* memory) {
                  munmap(const_cast<void*>(memory), page);
                  unmapped = true;
                }));
    bool filled = false;
    const void* got = store.Get(7, kFormat, 256, [&](void*) { filled = true; });
    EXPECT_EQ(got, static_cast<char*>(mapped) + 128);
    EXPECT_EQ(static_cast<const char*>(got)[255], 'p');
    EXPECT_FALSE(filled);
    EXPECT_EQ(store.bytes(), 0u);
    ASSERT_EQ(store.Contents().size(), 1u);
    EXPECT_TRUE(store.Contents()[0].adopted);
    EXPECT_EQ(Catch([&] { store.Get(7, kFormat, 255, Nothing); }).code, ErrorCode::kInvalidModel);
    EXPECT_EQ(Catch([&] { store.Adopt(8, kFormat, static_cast<char*>(mapped) + 4, 4, {}); }).code,
              ErrorCode::kInvalidInput);
    EXPECT_FALSE(unmapped);
  }
  EXPECT_TRUE(unmapped);
}

TEST(PackedStore, WhatIsThereIsNotReplaced) {
  PackedStore store;
  const void* made = store.Get(1, kFormat, 64, Nothing);
  alignas(64) const std::array<char, 64> elsewhere{};
  store.Adopt(1, kFormat, elsewhere.data(), elsewhere.size(), {});
  EXPECT_EQ(store.Get(1, kFormat, 64, Nothing), made);
}

// With one lock around the packing this would wait for itself.
TEST(PackedStore, MakingAFormKeepsNobodyFromAnother) {
  PackedStore store;
  std::promise<void> begun;
  std::promise<void> go_on;
  std::thread slow([&] {
    store.Get(1, kFormat, 64, [&](void*) {
      begun.set_value();
      go_on.get_future().wait();
    });
  });
  begun.get_future().wait();
  EXPECT_NE(store.Get(1, kOther, 64, Nothing), nullptr);
  EXPECT_NE(store.Get(2, kFormat, 64, Nothing), nullptr);
  EXPECT_EQ(store.Contents().size(), 2u);  // the one that is being made is not there yet
  go_on.set_value();
  slow.join();
  EXPECT_EQ(store.Contents().size(), 3u);
}

TEST(PackedStore, ThreadsThatAskTogetherGetOneForm) {
  constexpr int kThreads = 8;
  constexpr ValueId kConstants = 20;
  PackedStore store;
  std::atomic<int> made{0};
  std::array<std::array<const void*, kConstants>, kThreads> got{};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (ValueId i = 0; i < kConstants; ++i) {
        const ValueId id = (i + t) % kConstants;
        got[static_cast<std::size_t>(t)][static_cast<std::size_t>(id)] =
            store.Get(id, kFormat, 1000, [&](void* to) {
              ++made;
              std::memset(to, id + 1, 1000);
            });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, kConstants);
  for (const auto& row : got) EXPECT_EQ(row, got[0]);
  for (ValueId i = 0; i < kConstants; ++i) {
    EXPECT_EQ(static_cast<const char*>(got[0][static_cast<std::size_t>(i)])[999], i + 1);
  }
}

TEST(PackedStore, WhoWaitsForAFormThatFailsMakesIt) {
  PackedStore store;
  EXPECT_EQ(Catch([&] {
              store.Get(1, kFormat, 64,
                        [](void*) { throw Error(ErrorCode::kResource, "no memory"); });
            }).code,
            ErrorCode::kResource);
  EXPECT_TRUE(store.Contents().empty());
  std::promise<void> begun;
  std::promise<void> fail;
  std::thread failing([&] {
    EXPECT_EQ(Catch([&] {
                store.Get(1, kFormat, 64, [&](void*) {
                  begun.set_value();
                  fail.get_future().wait();
                  throw Error(ErrorCode::kResource, "no memory");
                });
              }).code,
              ErrorCode::kResource);
  });
  begun.get_future().wait();
  bool made = false;
  std::thread waiting([&] { store.Get(1, kFormat, 64, [&](void*) { made = true; }); });
  fail.set_value();
  failing.join();
  waiting.join();
  EXPECT_TRUE(made);
  EXPECT_EQ(store.Contents().size(), 1u);
}

}  // namespace
}  // namespace kinglet::packed_store_test
