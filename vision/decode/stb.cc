#include "vision/decode/stb.h"

#include <climits>
#include <cstddef>
#include <cstdlib>
#include <memory>

#include "vision/decode/exif.h"
#include "vision/decode/fail.h"

namespace kinglet::vision {
namespace {

// Bytes that the decoder on this thread may still take.
thread_local std::size_t budget_left = 0;

// In front of each allocation: its size. Keeps the alignment of malloc.
struct alignas(std::max_align_t) Prefix {
  std::size_t bytes;
};

// Zeroed, because the decoder reads tables that a file did not define.
void* BudgetMalloc(std::size_t bytes) {
  if (bytes > budget_left || budget_left - bytes < sizeof(Prefix)) return nullptr;
  bytes += sizeof(Prefix);
  auto* prefix = static_cast<Prefix*>(std::calloc(1, bytes));
  if (prefix == nullptr) return nullptr;
  prefix->bytes = bytes;
  budget_left -= bytes;
  return prefix + 1;
}

void BudgetFree(void* memory) {
  if (memory == nullptr) return;
  Prefix* prefix = static_cast<Prefix*>(memory) - 1;
  budget_left += prefix->bytes;
  std::free(prefix);
}

void* BudgetRealloc(void* memory, std::size_t bytes) {
  if (memory == nullptr) return BudgetMalloc(bytes);
  Prefix* prefix = static_cast<Prefix*>(memory) - 1;
  const std::size_t old = prefix->bytes;
  if (bytes > budget_left + old || budget_left + old - bytes < sizeof(Prefix)) return nullptr;
  bytes += sizeof(Prefix);
  prefix = static_cast<Prefix*>(std::realloc(prefix, bytes));
  if (prefix == nullptr) return nullptr;
  prefix->bytes = bytes;
  budget_left = budget_left + old - bytes;
  return prefix + 1;
}

}  // namespace
}  // namespace kinglet::vision

// Static, so that a program that links Kinglet can have its own copy of stb.
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS (1 << 28)
// A file must not be able to stop the process; what the assertions guard is checked beforehand.
#define STBI_ASSERT(x) ((void)0)
#define STBI_MALLOC(bytes) kinglet::vision::BudgetMalloc(bytes)
#define STBI_REALLOC(memory, bytes) kinglet::vision::BudgetRealloc(memory, bytes)
#define STBI_FREE(memory) kinglet::vision::BudgetFree(memory)
// A picture in memory has no function that reads more, which GCC does not see everywhere.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "stb/stb_image.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include "stb/stb_image_write.h"

namespace kinglet::vision {
namespace {

struct FreePixels {
  void operator()(stbi_uc* pixels) const { stbi_image_free(pixels); }
};

struct BudgetScope {
  explicit BudgetScope(std::size_t bytes) { budget_left = bytes; }
  ~BudgetScope() { budget_left = 0; }
  BudgetScope(const BudgetScope&) = delete;
  BudgetScope& operator=(const BudgetScope&) = delete;
};

}  // namespace

Image DecodeWithStb(const CheckedPicture& picture, const std::string& name) {
  if (picture.encoded.size() > INT_MAX) {
    Fail(ErrorCode::kResource, name, "a picture file of ", picture.encoded.size(), " bytes");
  }
  // Four channels take the fast path of the JPEG colour conversion.
  const bool jpeg = picture.encoded[0] == 0xFF;
  const int channels = jpeg ? 4 : 3;
  const BudgetScope scope(picture.memory_budget);
  int width = 0, height = 0, stored_channels = 0;
  const std::unique_ptr<stbi_uc, FreePixels> pixels(
      stbi_load_from_memory(picture.encoded.data(), static_cast<int>(picture.encoded.size()),
                            &width, &height, &stored_channels, channels));
  if (pixels == nullptr) {
    const char* reason = stbi_failure_reason();
    FailDamaged(name, "the picture cannot be decoded (", reason != nullptr ? reason : "no reason",
                ")");
  }
  if (width != picture.width || height != picture.height) {
    FailDamaged(name, "the header says ", picture.width, "x", picture.height, " pixels, the data ",
                width, "x", height);
  }
  return Upright(pixels.get(), width, height, channels, picture.orientation);
}

std::vector<std::uint8_t> EncodeWithStb(const Image& image, EncodedFormat format,
                                        int jpeg_quality) {
  std::vector<std::uint8_t> file;
  const auto append = [](void* context, void* data, int size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    static_cast<std::vector<std::uint8_t>*>(context)->insert(
        static_cast<std::vector<std::uint8_t>*>(context)->end(), bytes, bytes + size);
  };
  const int w = image.width, h = image.height;
  const void* pixels = image.pixels.data();
  int done = 0;
  switch (format) {
    case EncodedFormat::kPng:
      done = stbi_write_png_to_func(append, &file, w, h, 3, pixels, 3 * w);
      break;
    case EncodedFormat::kJpeg:
      done = stbi_write_jpg_to_func(append, &file, w, h, 3, pixels, jpeg_quality);
      break;
    case EncodedFormat::kBmp:
      done = stbi_write_bmp_to_func(append, &file, w, h, 3, pixels);
      break;
  }
  if (done == 0) file.clear();
  return file;
}

}  // namespace kinglet::vision
