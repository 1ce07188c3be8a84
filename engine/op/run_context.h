// What an operator sees while it runs, where the shapes of its outputs follow from values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/op/op.h"
#include "engine/op/value.h"

namespace kinglet {

// For OpDef::run. All inputs are there: InputType, InputShape, InputValue and the demands of
// NodeContext answer for each of them. Runs on the thread that called Session::Run while no helper
// works, so that it may throw. All memory is 64-byte aligned, holds anything at first, and comes
// from the bounded scratch of the session: Error(kResource) when that is used up.
class RunContext : public NodeContext {
 public:
  // The elements of input i, row-major; null for an absent input.
  virtual const void* InputData(std::size_t i) const = 0;
  // Throws Error(kInvalidModel) when T is not the type of its elements.
  template <typename T>
  const T* Input(std::size_t i) const {
    if (HasInput(i)) CheckInputType(i, DataTypeOf<T>::value);
    return static_cast<const T*>(InputData(i));
  }

  // Gives output i its type and shape, and the memory to write. Each present output is made once.
  // Null when the node has no such output. Throws as InferContext::SetOutput does.
  virtual void* MakeOutput(std::size_t i, DataType type, const Shape& shape) = 0;
  template <typename T>
  T* Output(std::size_t i, const Shape& shape) {
    return static_cast<T*>(MakeOutput(i, DataTypeOf<T>::value, shape));
  }

  // Working memory until `run` returns.
  virtual void* Scratch(std::size_t bytes) = 0;
  template <typename T>
  T* ScratchFor(std::size_t count) {
    return static_cast<T*>(Scratch(count * sizeof(T)));
  }

  // Calls body(worker, begin, end) for ranges of units that cover [0, units) without overlap,
  // `worker` in [0, threads()) being one thread's at a time. `body` must not throw, allocate, or
  // call this context. Returns when all is done. Waking the threads costs some ten microseconds:
  // not for less work than that.
  virtual int threads() const = 0;
  template <typename F>
  void ParallelFor(std::int64_t units, F&& body) {
    using Body = std::remove_reference_t<F>;
    RunUnits(units, &body,
             [](void* self, int worker, std::int64_t begin, std::int64_t end) noexcept {
               (*static_cast<Body*>(self))(worker, begin, end);
             });
  }

  // Values as wholes, sequences among them, for operators that hand them on.
  virtual const RunValue& InputHandle(std::size_t i) const = 0;
  // The same, taken from where it was when nobody reads it after this node: input i is not to be
  // asked for again.
  virtual RunValue TakeInput(std::size_t i) = 0;
  virtual void SetOutput(std::size_t i, RunValue value) = 0;
  // A tensor that is no output yet, for the caller to write: `elements` gets its memory.
  virtual RunValue MakeTensor(DataType type, const Shape& shape, void*& elements) = 0;

  // Runs the subgraph of an attribute on `inputs`, which are moved from, and what it captures. For
  // loops: each time counts as an iteration, of which a run may do so many.
  virtual void RunGraph(std::string_view attribute, std::span<RunValue> inputs,
                        std::vector<RunValue>& outputs) = 0;

  // Throws Error(kInvalidInput) "<node label>: <what>": the data is wrong.
  [[noreturn]] void WrongData(const std::string& what) const;

 protected:
  using UnitsFunction = void (*)(void* self, int worker, std::int64_t begin,
                                 std::int64_t end) noexcept;

  using NodeContext::NodeContext;
  virtual void RunUnits(std::int64_t units, void* self, UnitsFunction function) = 0;

 private:
  void CheckInputType(std::size_t i, DataType type) const {
    if (InputType(i) == type) return;
    Invalid("input " + std::to_string(i) + " has type " + DataTypeName(InputType(i)) +
            ", expected " + DataTypeName(type));
  }
};

}  // namespace kinglet
