#include "engine/op/packed_store.h"

#include <cstdint>
#include <new>
#include <string>

#include "engine/graph/lazy_zeros.h"
#include "kernels/common/aligned.h"
#include "kinglet/error.h"
#include "kinglet/tensor.h"

namespace kinglet {
namespace {

std::shared_ptr<const void> MakeForm(std::size_t bytes, const std::function<void(void*)>& fill) {
  const auto tensor =
      std::make_shared<Tensor>(DataType::kUInt8, Shape{static_cast<std::int64_t>(bytes)});
  fill(tensor->raw());
  return {tensor, tensor->raw()};
}

// Nobody touches it.
std::shared_ptr<const void> ReserveForm(std::size_t bytes) {
  std::shared_ptr<const void> form = LazyZeroBytes(bytes);
  if (form == nullptr) throw std::bad_alloc();
  return form;
}

void CheckSize(const kernels::PackedFormat& format, std::size_t found, std::size_t expected) {
  if (found == expected) return;
  throw Error(ErrorCode::kInvalidModel, "a constant packed as '" + ToString(format) + "' has " +
                                            std::to_string(found) + " bytes, expected " +
                                            std::to_string(expected));
}

}  // namespace

const void* PackedStore::Get(ValueId constant, const kernels::PackedFormat& format,
                             std::size_t bytes, const std::function<void(void*)>& fill) {
  const Key key{constant, format};
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto [found, added] = entries_.try_emplace(key);
    if (added) break;
    if (found->second.data != nullptr) {
      CheckSize(format, found->second.bytes, bytes);
      return found->second.data;
    }
    changed_.wait(lock);
  }
  lock.unlock();
  std::shared_ptr<const void> made;
  try {
    made = fills_ ? MakeForm(bytes, fill) : ReserveForm(bytes);
  } catch (...) {
    lock.lock();
    entries_.erase(key);
    changed_.notify_all();
    throw;
  }
  lock.lock();
  Entry& entry = entries_[key];
  entry = {made, made.get(), bytes, false};
  changed_.notify_all();
  return entry.data;
}

void PackedStore::Adopt(ValueId constant, const kernels::PackedFormat& format, const void* data,
                        std::size_t bytes, std::shared_ptr<const void> owner) {
  if (data == nullptr || reinterpret_cast<std::uintptr_t>(data) % kernels::kAlignment != 0) {
    throw Error(ErrorCode::kInvalidInput, "a constant packed as '" + ToString(format) +
                                              "' does not lie at a multiple of " +
                                              std::to_string(kernels::kAlignment) + " bytes");
  }
  const std::lock_guard lock(mutex_);
  entries_.try_emplace({constant, format}, Entry{std::move(owner), data, bytes, true});
}

std::vector<PackedStore::Form> PackedStore::Contents() const {
  const std::lock_guard lock(mutex_);
  std::vector<Form> forms;
  for (const auto& [key, entry] : entries_) {
    if (entry.data == nullptr) continue;
    forms.push_back({key.first, key.second, entry.data, entry.bytes, entry.adopted});
  }
  return forms;
}

std::size_t PackedStore::bytes() const {
  std::size_t total = 0;
  for (const Form& form : Contents()) total += form.adopted ? 0 : form.bytes;
  return total;
}

}  // namespace kinglet
