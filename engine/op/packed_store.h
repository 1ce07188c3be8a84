// Packed forms of constants, each made once: immutable afterwards, addressed by (constant, format).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/graph/ir.h"
#include "kernels/common/packed_format.h"

namespace kinglet {

// Safe to use from many threads at once.
class PackedStore {
 public:
  PackedStore() = default;
  // One that gives every form its memory and writes none of it, so that pages which nobody touches
  // are never taken: for plans that are looked at and not run.
  struct Unfilled {};
  explicit PackedStore(Unfilled) : fills_(false) {}

  // What it holds of one form.
  struct Form {
    ValueId constant = kNoValue;
    kernels::PackedFormat format;
    const void* data = nullptr;
    std::size_t bytes = 0;
    bool adopted = false;  // lies in memory of somebody else
  };

  // The memory of this form, 64-byte aligned. Where nobody asked for it before, `fill` writes all
  // of it, while whoever asks for the same form waits; others do not. What `fill` throws is thrown,
  // and who waited makes the form in turn. Throws Error(kResource) when there is no memory, and
  // Error(kInvalidModel) when an adopted form has another size.
  const void* Get(ValueId constant, const kernels::PackedFormat& format, std::size_t bytes,
                  const std::function<void(void*)>& fill);

  // Takes over a form that lies somewhere else, in a mapped file say: nobody copies or writes it.
  // `owner` keeps the memory. Does nothing where the form is there already. Throws
  // Error(kInvalidInput) unless `data` is 64-byte aligned.
  void Adopt(ValueId constant, const kernels::PackedFormat& format, const void* data,
             std::size_t bytes, std::shared_ptr<const void> owner);

  // All forms that are made or adopted, in order.
  std::vector<Form> Contents() const;
  std::size_t bytes() const;  // of memory of its own

 private:
  struct Entry {
    std::shared_ptr<const void> owner;
    const void* data = nullptr;  // null while it is being made
    std::size_t bytes = 0;
    bool adopted = false;
  };
  using Key = std::pair<ValueId, kernels::PackedFormat>;

  bool fills_ = true;
  mutable std::mutex mutex_;         // guards the map, and is not held while a form is made
  std::condition_variable changed_;  // an entry got its data, or is gone
  std::map<Key, Entry> entries_;
};

}  // namespace kinglet
