#include "engine/ops/spatial.h"

#include <algorithm>
#include <limits>
#include <string>

namespace kinglet {
namespace {

// Products of two such sizes do not overflow 64 bits.
constexpr std::int64_t kLimit = std::numeric_limits<std::int32_t>::max();

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

AutoPad ReadAutoPad(const NodeContext& context) {
  const std::string mode = context.attributes().String("auto_pad", "NOTSET");
  if (mode == "NOTSET" || mode.empty()) return AutoPad::kNotSet;
  if (mode == "SAME_UPPER") return AutoPad::kSameUpper;
  if (mode == "SAME_LOWER") return AutoPad::kSameLower;
  if (mode == "VALID") return AutoPad::kValid;
  context.Invalid("auto_pad '" + mode + "', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID");
}

void CheckRange(const NodeContext& context, const char* what, std::int64_t value,
                std::int64_t low) {
  if (value < low || value > kLimit) {
    context.Invalid(std::string(what) + " holds " + std::to_string(value) + ", expected " +
                    std::to_string(low) + " to " + std::to_string(kLimit));
  }
}

// An attribute of `count` values, each in [low, kLimit]; `fallback` for each when it is absent.
std::vector<std::int64_t> Read(const NodeContext& context, const char* name, std::size_t count,
                               std::int64_t fallback, std::int64_t low) {
  std::vector<std::int64_t> values = context.attributes().Ints(name);
  if (values.empty()) return std::vector<std::int64_t>(count, fallback);
  if (values.size() != count) {
    context.Invalid(std::string(name) + " has " + std::to_string(values.size()) +
                    " values, expected " + std::to_string(count));
  }
  for (const std::int64_t value : values) CheckRange(context, name, value, low);
  return values;
}

void SetKernel(const NodeContext& context, std::span<const std::int64_t> input,
               std::span<const std::int64_t> kernel, Window& window) {
  const std::size_t n = input.size();
  if (kernel.size() != n) {
    context.Invalid("the kernel has " + std::to_string(kernel.size()) + " dimensions, expected " +
                    std::to_string(n) + " as the input has");
  }
  for (const std::int64_t size : kernel) CheckRange(context, "the kernel's shape", size, 1);
  for (const std::int64_t size : input) CheckRange(context, "the input's shape", size, 0);
  window.kernel.assign(kernel.begin(), kernel.end());
  window.strides = Read(context, "strides", n, 1, 1);
  window.dilations = Read(context, "dilations", n, 1, 1);
  window.pads_begin.assign(n, 0);
  window.pads_end.assign(n, 0);
  window.output.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    CheckRange(context, "the dilated kernel's shape", window.Extent(i), 1);
  }
}

// The weights' kernel, which kernel_shape must repeat where it is present.
void CheckKernelShape(const NodeContext& context, std::span<const std::int64_t> kernel) {
  const std::vector<std::int64_t> said = context.attributes().Ints("kernel_shape");
  if (said.empty() || std::equal(said.begin(), said.end(), kernel.begin(), kernel.end())) return;
  context.Invalid("kernel_shape is " + ShapeToString(said) + ", the weights have " +
                  ShapeToString(Shape(kernel.begin(), kernel.end())));
}

void ReadPads(const NodeContext& context, Window& window) {
  const std::size_t n = window.rank();
  const std::vector<std::int64_t> pads = Read(context, "pads", 2 * n, 0, 0);
  std::copy_n(pads.begin(), n, window.pads_begin.begin());
  std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(n), n, window.pads_end.begin());
}

// Divides `total` padding of dimension i; the odd one goes to the end for `more_at_end`.
void DividePads(Window& window, std::size_t i, std::int64_t total, bool more_at_end) {
  total = std::max<std::int64_t>(total, 0);
  window.pads_begin[i] = more_at_end ? total / 2 : total - total / 2;
  window.pads_end[i] = total - window.pads_begin[i];
}

void CheckOutput(const NodeContext& context, std::int64_t output, std::size_t i) {
  if (output >= 1 && output <= kLimit) return;
  context.Invalid("the output's size in spatial dimension " + std::to_string(i) + " would be " +
                  std::to_string(output) +
                  ", expected a positive one; kernel, dilations and pads do not fit the input");
}

void SetForwardOutput(const NodeContext& context, std::span<const std::int64_t> input,
                      bool ceil_mode, Window& window) {
  const AutoPad mode = ReadAutoPad(context);
  if (mode == AutoPad::kNotSet) ReadPads(context, window);
  for (std::size_t i = 0; i < window.rank(); ++i) {
    const std::int64_t stride = window.strides[i];
    if (mode == AutoPad::kSameUpper || mode == AutoPad::kSameLower) {
      window.output[i] = (input[i] + stride - 1) / stride;
      DividePads(window, i, (window.output[i] - 1) * stride + window.Extent(i) - input[i],
                 mode == AutoPad::kSameUpper);
    } else {
      const std::int64_t padded = input[i] + window.pads_begin[i] + window.pads_end[i];
      const std::int64_t room = padded - window.Extent(i);
      window.output[i] = room < 0 ? 0 : (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
      if (ceil_mode && (window.output[i] - 1) * stride >= input[i] + window.pads_begin[i]) {
        --window.output[i];
      }
    }
    CheckOutput(context, window.output[i], i);
  }
}

}  // namespace

std::vector<std::int64_t> SpatialSizes(const NodeContext& context) {
  const Shape& shape = context.InputShape(0);
  if (shape.size() < 3) {
    context.Invalid("input 0 has shape " + ShapeToString(shape) +
                    ", expected rank 3 or more: batch, channels, spatial sizes");
  }
  return {shape.begin() + 2, shape.end()};
}

Window ConvWindow(const NodeContext& context, std::span<const std::int64_t> input,
                  std::span<const std::int64_t> kernel) {
  Window window;
  SetKernel(context, input, kernel, window);
  CheckKernelShape(context, kernel);
  SetForwardOutput(context, input, false, window);
  return window;
}

Window PoolWindow(const NodeContext& context, std::span<const std::int64_t> input) {
  Window window;
  const std::vector<std::int64_t> kernel = context.attributes().Ints("kernel_shape");
  if (kernel.empty()) context.Invalid("attribute 'kernel_shape' is required and absent");
  SetKernel(context, input, kernel, window);
  SetForwardOutput(context, input, context.attributes().Int("ceil_mode", 0) != 0, window);
  for (std::size_t i = 0; i < window.rank(); ++i) {
    const std::int64_t pad = std::max(window.pads_begin[i], window.pads_end[i]);
    if (pad >= window.Extent(i)) {
      context.Invalid("pads of " + std::to_string(pad) + " for a kernel of " +
                      std::to_string(window.Extent(i)) + ", expected pads below the kernel's size");
    }
  }
  return window;
}

Window ConvTransposeWindow(const NodeContext& context, std::span<const std::int64_t> input,
                           std::span<const std::int64_t> kernel) {
  Window window;
  SetKernel(context, input, kernel, window);
  CheckKernelShape(context, kernel);
  const std::size_t n = window.rank();
  const AutoPad mode = ReadAutoPad(context);
  const bool same = mode == AutoPad::kSameUpper || mode == AutoPad::kSameLower;
  const std::vector<std::int64_t> extra = Read(context, "output_padding", n, 0, 0);
  std::vector<std::int64_t> wanted = context.attributes().Ints("output_shape");
  if (wanted.size() == n + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
  if (!wanted.empty() && wanted.size() != n) {
    context.Invalid("output_shape has " + std::to_string(wanted.size()) + " values, expected " +
                    std::to_string(n));
  }
  if (mode == AutoPad::kNotSet && wanted.empty()) ReadPads(context, window);
  for (std::size_t i = 0; i < n; ++i) {
    if (input[i] == 0) CheckOutput(context, 0, i);
    const std::int64_t full = (input[i] - 1) * window.strides[i] + extra[i] + window.Extent(i);
    window.output[i] = full - window.pads_begin[i] - window.pads_end[i];
    if (!wanted.empty() || same) {
      window.output[i] = wanted.empty() ? input[i] * window.strides[i] : wanted[i];
      DividePads(window, i, full - window.output[i], mode == AutoPad::kSameUpper);
    }
    CheckOutput(context, window.output[i], i);
    CheckRange(context, "the padding", window.pads_begin[i], 0);
    CheckRange(context, "the padding", window.pads_end[i], 0);
  }
  return window;
}

}  // namespace kinglet
