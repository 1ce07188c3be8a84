// Model files and external data as the file system has them.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "converters/common/mapped_file.h"
#include "engine/graph/ir.h"
#include "tests/converters/onnx/onnx_bytes.h"

namespace kinglet {
namespace {

using namespace onnx_bytes;  // NOLINT: the file is about them
namespace fs = std::filesystem;

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;

// A folder "model" to read from inside a folder with a secret beside it.
class OnnxFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "kinglet-onnx-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    folder_ = root_ / "model";
    fs::create_directories(folder_ / "sub");
    Write(root_ / "secret.bin", Raw<float>({7, 7}));
    Write(folder_ / "data.bin", Raw<float>({1, 2, 3, 4}));
    Write(folder_ / "sub" / "deep.bin", Raw<float>({5, 6}));
  }
  void TearDown() override { fs::remove_all(root_); }

  static void Write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  // A model with an initializer w of `count` floats at the location.
  std::string Model(const std::string& location, std::optional<std::string> offset = {},
                    std::optional<std::string> length = {}, std::int64_t count = 2) const {
    const std::string tensor = TensorBytes("w", kFloat, {count}, [&](Writer& writer) {
      const auto entry = [&](const std::string& key, const std::string& value) {
        Writer part(writer, 13);
        part.add_string(1, key);
        part.add_string(2, value);
      };
      entry("location", location);
      if (offset) entry("offset", *offset);
      if (length) entry("length", *length);
      writer.add_int32(14, 1);
    });
    Write(folder_ / "m.onnx", WithInitializer(tensor).Bytes());
    return folder_ / "m.onnx";
  }

  static std::vector<float> Weights(const Graph& graph) {
    for (const Value& value : graph.ir().values) {
      if (value.name == "w") {
        const float* data = value.constant.data<float>();
        return {data, data + value.constant.size()};
      }
    }
    return {};
  }

  void ExpectModelRefused(const std::string& model, ErrorCode code, const std::string& part) const {
    ExpectRefused([&] { ReadOnnx(model); }, code, {model + ": graph: initializer 'w'", part});
  }

  fs::path root_;
  fs::path folder_;
};

TEST_F(OnnxFiles, ExternalDataIsReadInPlace) {
  EXPECT_EQ(Weights(ReadOnnx(Model("data.bin"))), (std::vector<float>{1, 2}));
  EXPECT_EQ(Weights(ReadOnnx(Model("data.bin", "4", "8"))), (std::vector<float>{2, 3}));
  EXPECT_EQ(Weights(ReadOnnx(Model("./sub//deep.bin", "0"))), (std::vector<float>{5, 6}));
  EXPECT_EQ(Weights(ReadOnnx(Model("data.bin", "8"))), (std::vector<float>{3, 4}));
  const Graph kept = ReadOnnx(Model("data.bin"));
  fs::remove_all(folder_);
  EXPECT_EQ(Weights(kept), (std::vector<float>{1, 2})) << "the mapping outlives the name";
}

TEST_F(OnnxFiles, ExternalDataAtAnOddOffsetIsCopied) {
  Write(folder_ / "odd.bin", "x" + Raw<float>({8, 9}));
  EXPECT_EQ(Weights(ReadOnnx(Model("odd.bin", "1"))), (std::vector<float>{8, 9}));
}

TEST_F(OnnxFiles, AModelInTheCurrentFolderFindsItsData) {
  Model("data.bin");
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  EXPECT_EQ(Weights(ReadOnnx("m.onnx")), (std::vector<float>{1, 2}));
  fs::current_path(before);
}

TEST_F(OnnxFiles, PathsOutOfTheFolderAreRefused) {
  const std::string outside = "outside the model's folder";
  ExpectModelRefused(Model("../secret.bin"), kInvalid, outside);
  ExpectModelRefused(Model("sub/../data.bin"), kInvalid, outside);
  ExpectModelRefused(Model("sub/.."), kInvalid, outside);
  ExpectModelRefused(Model(root_ / "secret.bin"), kInvalid, "relative");
  ExpectModelRefused(Model(""), kInvalid, "relative");
  ExpectModelRefused(Model(std::string("data.bin\0x", 10)), kInvalid, "relative");
  ExpectModelRefused(Model("./."), kInvalid, "file name");
}

TEST_F(OnnxFiles, LinksAreNotFollowed) {
  fs::create_symlink(root_ / "secret.bin", folder_ / "absolute.bin");
  fs::create_symlink("../secret.bin", folder_ / "relative.bin");
  fs::create_symlink("data.bin", folder_ / "inside.bin");
  fs::create_directory_symlink("..", folder_ / "up");
  for (const char* location : {"absolute.bin", "relative.bin", "inside.bin"}) {
    ExpectModelRefused(Model(location), kInvalid, "is a link");
  }
  EXPECT_THROW(ReadOnnx(Model("up/secret.bin")), Error);
}

// What kernels without openat2 get.
TEST_F(OnnxFiles, OpeningByComponentsFollowsNoLinkEither) {
  fs::create_symlink("data.bin", folder_ / "inside.bin");
  fs::create_directory_symlink("..", folder_ / "up");
  const converters::FileHandle folder(converters::OpenFolder(folder_));
  ASSERT_TRUE(folder.valid());
  const auto opens = [&](const std::vector<std::string>& parts) {
    return converters::FileHandle(converters::OpenByComponents(folder.get(), parts)).valid();
  };
  EXPECT_TRUE(opens({"data.bin"}));
  EXPECT_TRUE(opens({"sub", "deep.bin"}));
  EXPECT_FALSE(opens({"inside.bin"}));
  EXPECT_FALSE(opens({"up", "secret.bin"}));
  EXPECT_FALSE(opens({"sub", "missing.bin"}));
}

TEST_F(OnnxFiles, OnlyRegularFilesAreRead) {
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  ExpectModelRefused(Model("fifo"), kInvalid, "not a regular file");
  ExpectModelRefused(Model("sub"), kInvalid, "not a regular file");
  ExpectModelRefused(Model("missing.bin"), kInvalid, "No such file");
  ExpectModelRefused(Model("data.bin/x"), kInvalid, "Not a directory");
}

TEST_F(OnnxFiles, OffsetsAndLengthsAreChecked) {
  ExpectModelRefused(Model("data.bin", "12"), kInvalid, "8 bytes from offset 12");
  ExpectModelRefused(Model("data.bin", "17"), kInvalid, "which has 16 bytes");
  ExpectModelRefused(Model("data.bin", "18446744073709551615"), kInvalid, "which has 16 bytes");
  ExpectModelRefused(Model("data.bin", "18446744073709551616"), kInvalid, "a number of bytes");
  ExpectModelRefused(Model("data.bin", "-4"), kInvalid, "offset '-4'");
  ExpectModelRefused(Model("data.bin", "4k"), kInvalid, "offset '4k'");
  ExpectModelRefused(Model("data.bin", ""), kInvalid, "offset ''");
  ExpectModelRefused(Model("data.bin", "0", "4"), kInvalid, "length 4, expected 8");
  ExpectModelRefused(Model("data.bin", {}, {}, std::int64_t{1} << 40), kInvalid, "which has 16");
}

TEST_F(OnnxFiles, AlignedWeightsAreViewsOfTheMapping) {
  const Graph graph = ReadOnnx(Model("data.bin"));
  const Graph again = ReadOnnx(Model("data.bin", "1", "4", 1));
  const auto address = [](const Graph& g) {
    return reinterpret_cast<std::uintptr_t>(g.ir().values[0].constant.raw());
  };
  // A mapping starts at a page, a copy within one behind the allocator's own bytes.
  EXPECT_EQ(address(graph) % 4096, 0u);
  EXPECT_EQ(address(again) % 64, 0u);
}

TEST_F(OnnxFiles, ModelFilesThatCannotBeReadAreIoErrors) {
  const auto refused = [](const std::string& path, const std::string& part) {
    ExpectRefused([&] { ReadOnnx(path); }, ErrorCode::kIo, {path + ": ", part});
  };
  refused(folder_ / "missing.onnx", "No such file");
  refused(folder_, "folder");
  ASSERT_EQ(mkfifo((folder_ / "fifo.onnx").c_str(), 0600), 0);
  refused(folder_ / "fifo.onnx", "not a regular file");
  refused("/dev/zero", "not a regular file");
  refused("", "No such file");
  if (geteuid() != 0) {
    Write(folder_ / "closed.onnx", "x");
    fs::permissions(folder_ / "closed.onnx", fs::perms::none);
    refused(folder_ / "closed.onnx", "Permission denied");
  }
  Write(folder_ / "empty.onnx", "");
  ExpectRefused([&] { ReadOnnx(folder_ / "empty.onnx"); }, kInvalid, {"empty"});
}

}  // namespace
}  // namespace kinglet
