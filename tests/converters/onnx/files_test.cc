// Model files and external data as the file system has them.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "converters/common/external_files.h"
#include "engine/graph/ir.h"
#include "tests/converters/onnx/onnx_bytes.h"

namespace kinglet::files_test {
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

TEST_F(OnnxFiles, DataThatIsNotThereIsZerosWhereAskedFor) {
  ReadOptions options;
  options.without_data = true;
  EXPECT_EQ(Weights(ReadOnnx(Model("gone.bin"), options)), (std::vector<float>{0, 0}));
  EXPECT_EQ(Weights(ReadOnnx(Model("data.bin"), options)), (std::vector<float>{1, 2}));
  const auto stripped = [&](std::int64_t count) {
    Write(folder_ / "s.onnx",
          WithInitializer(TensorBytes("w", kFloat, {count}, [](Writer&) {})).Bytes());
    return (folder_ / "s.onnx").string();
  };
  EXPECT_EQ(Weights(ReadOnnx(stripped(3), options)), (std::vector<float>{0, 0, 0}));
  ExpectModelRefused(stripped(3), kInvalid, "has no data");
  options.limits.tensor_bytes = 100;
  ExpectRefused([&] { ReadOnnx(stripped(26), options); }, ErrorCode::kResource,
                {"initializer 'w'"});
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

TEST_F(OnnxFiles, LinksWithinTheModelsFolderAreFollowed) {
  fs::create_symlink("data.bin", folder_ / "inside.bin");
  fs::create_symlink(folder_ / "sub" / "deep.bin", folder_ / "absolute.bin");
  fs::create_symlink("inside.bin", folder_ / "chain.bin");
  fs::create_directory_symlink("sub", folder_ / "other");
  EXPECT_EQ(Weights(ReadOnnx(Model("inside.bin"))), (std::vector<float>{1, 2}));
  EXPECT_EQ(Weights(ReadOnnx(Model("chain.bin", "8"))), (std::vector<float>{3, 4}));
  EXPECT_EQ(Weights(ReadOnnx(Model("absolute.bin"))), (std::vector<float>{5, 6}));
  EXPECT_EQ(Weights(ReadOnnx(Model("other/deep.bin"))), (std::vector<float>{5, 6}));
  // The folder may be behind a link itself.
  fs::create_directory_symlink("model", root_ / "current");
  Model("chain.bin");
  EXPECT_EQ(Weights(ReadOnnx(root_ / "current" / "m.onnx")), (std::vector<float>{1, 2}));
}

TEST_F(OnnxFiles, LinksOutOfTheModelsFolderAreRefused) {
  fs::create_directories(root_ / "model2");
  Write(root_ / "model2" / "x.bin", Raw<float>({7, 7}));
  fs::create_symlink(root_ / "secret.bin", folder_ / "absolute.bin");
  fs::create_symlink("../secret.bin", folder_ / "relative.bin");
  fs::create_symlink("relative.bin", folder_ / "chain.bin");
  fs::create_symlink("../model2/x.bin", folder_ / "sibling.bin");
  fs::create_symlink("/etc/passwd", folder_ / "passwd.bin");
  fs::create_symlink("/dev/zero", folder_ / "device.bin");
  fs::create_symlink("/proc/self/fd/0", folder_ / "fd.bin");
  fs::create_directory_symlink("..", folder_ / "up");
  for (const char* location : {"absolute.bin", "relative.bin", "chain.bin", "sibling.bin",
                               "passwd.bin", "device.bin", "up/secret.bin"}) {
    ExpectModelRefused(Model(location), kInvalid, "is a link to '/");
    ExpectModelRefused(Model(location), kInvalid, "--data-folder DIR");
  }
  EXPECT_THROW(ReadOnnx(Model("fd.bin")), Error);
}

TEST_F(OnnxFiles, LinksToWhatIsNoFileAreRefused) {
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  fs::create_symlink("fifo", folder_ / "to_fifo");
  fs::create_symlink("sub", folder_ / "to_folder");
  fs::create_symlink("nowhere", folder_ / "dangling");
  fs::create_symlink("loop_b", folder_ / "loop_a");
  fs::create_symlink("loop_a", folder_ / "loop_b");
  ExpectModelRefused(Model("to_fifo"), kInvalid, "not a regular file");
  ExpectModelRefused(Model("to_folder"), kInvalid, "not a regular file");
  ExpectModelRefused(Model("dangling"), kInvalid, "No such file");
  ExpectModelRefused(Model("loop_a"), kInvalid, "Too many levels");
}

// models--net/snapshots/1a/m.onnx -> ../../blobs/..., as caches of model hubs have it.
class HubCache : public OnnxFiles {
 protected:
  void SetUp() override {
    OnnxFiles::SetUp();
    net_ = root_ / "models--net";
    fs::create_directories(net_ / "blobs");
    fs::create_directories(net_ / "snapshots" / "1a" / "onnx");
    Write(net_ / "blobs" / kData, Raw<float>({8, 9}));
    fs::rename(Model("m.onnx_data"), net_ / "blobs" / kModel);
    fs::create_symlink(fs::path("../../blobs") / kModel, Snapshot() / "m.onnx");
  }
  fs::path Snapshot() const { return net_ / "snapshots" / "1a"; }
  void LinkData(const fs::path& to) const {
    fs::remove(Snapshot() / "m.onnx_data");
    fs::create_symlink(to, Snapshot() / "m.onnx_data");
  }

  static constexpr const char* kModel = "0123456789abcdef0123456789abcdef";
  static constexpr const char* kData = "fedcba9876543210fedcba9876543210";
  fs::path net_;
};

TEST_F(HubCache, DataIsReadFromWhereTheModelsOwnLinkLeads) {
  const std::string model = Snapshot() / "m.onnx";
  LinkData(fs::path("../../blobs") / kData);
  EXPECT_EQ(Weights(ReadOnnx(model)), (std::vector<float>{8, 9}));
  // A subfolder of the snapshot, and a snapshot behind a link.
  fs::create_symlink(fs::path("../../../blobs") / kModel, Snapshot() / "onnx" / "m.onnx");
  fs::create_symlink(fs::path("../../../blobs") / kData, Snapshot() / "onnx" / "m.onnx_data");
  EXPECT_EQ(Weights(ReadOnnx(Snapshot() / "onnx" / "m.onnx")), (std::vector<float>{8, 9}));
  fs::create_directory_symlink("1a", net_ / "snapshots" / "main");
  EXPECT_EQ(Weights(ReadOnnx(net_ / "snapshots" / "main" / "m.onnx")), (std::vector<float>{8, 9}));
  // The path as it is, without links, has the data beside it under another name.
  ExpectModelRefused(net_ / "blobs" / kModel, kInvalid, "No such file");
}

TEST_F(HubCache, NothingElseIsReadThroughTheModelsLink) {
  const std::string model = Snapshot() / "m.onnx";
  Write(net_ / "notes", Raw<float>({7, 7}));
  fs::create_directories(root_ / "models--other" / "blobs");
  Write(root_ / "models--other" / "blobs" / kData, Raw<float>({7, 7}));
  for (const fs::path& to :
       {net_ / "notes", root_ / "models--other" / "blobs" / kData, root_ / "secret.bin",
        fs::path("../../../secret.bin"), fs::path("/etc/passwd")}) {
    LinkData(to);
    ExpectModelRefused(model, kInvalid, "is a link to '/");
  }
  // A model that is no link reads nothing out of its folder.
  fs::copy_file(net_ / "blobs" / kModel, root_ / "model" / "m.onnx");
  fs::create_symlink(net_ / "blobs" / kData, root_ / "model" / "m.onnx_data");
  ExpectModelRefused(root_ / "model" / "m.onnx", kInvalid, "is a link to '/");
}

// store/01/2345... and store/fe/dcba...: files spread by the first digits of their hashes.
TEST_F(HubCache, DataMayLieBesideTheModelInAStoreOfHashes) {
  const std::string model = Snapshot() / "m.onnx";
  const auto move = [&](const fs::path& folder, const fs::path& data_folder) {
    fs::create_directories(root_ / folder);
    fs::create_directories(root_ / data_folder);
    fs::copy_file(net_ / "blobs" / kModel, root_ / folder / kModel);
    Write(root_ / data_folder / kData, Raw<float>({5, 6}));
    fs::remove(model);
    fs::create_symlink(root_ / folder / kModel, model);
    LinkData(root_ / data_folder / kData);
  };
  move("store/01", "store/fe");
  EXPECT_EQ(Weights(ReadOnnx(model)), (std::vector<float>{5, 6}));
  move("deep/01/23", "deep/fe/dc");
  EXPECT_EQ(Weights(ReadOnnx(model)), (std::vector<float>{5, 6}));
  move("one/01", "two/fe");
  ExpectModelRefused(model, kInvalid, "is a link to '/");
  move("flat/models", "flat/data");
  ExpectModelRefused(model, kInvalid, "is a link to '/");
  // What is not called by a hash is none of a store.
  fs::create_directories(root_ / "named" / "01");
  fs::create_directories(root_ / "named" / "fe");
  fs::copy_file(net_ / "blobs" / kModel, root_ / "named" / "01" / kModel);
  Write(root_ / "named" / "fe" / "secret", Raw<float>({7, 7}));
  fs::remove(model);
  fs::create_symlink(root_ / "named" / "01" / kModel, model);
  LinkData(root_ / "named" / "fe" / "secret");
  ExpectModelRefused(model, kInvalid, "is a link to '/");
}

TEST_F(OnnxFiles, DataFoldersAreReadToo) {
  fs::create_directories(root_ / "weights" / "sub");
  Write(root_ / "weights" / "there.bin", Raw<float>({5, 5}));
  Write(root_ / "weights" / "sub" / "deep.bin", Raw<float>({6, 6}));
  Write(root_ / "weights" / "data.bin", Raw<float>({7, 7}));
  ReadOptions options;
  options.data_folders = {root_ / "sub", root_ / "weights"};
  fs::create_directories(root_ / "sub");
  const auto read = [&](const std::string& location) {
    return Weights(ReadOnnx(Model(location), options));
  };
  fs::create_symlink("../weights/there.bin", folder_ / "link.bin");
  fs::create_symlink("../secret.bin", folder_ / "secret.bin");
  fs::create_symlink("../secret.bin", root_ / "weights" / "secret2.bin");
  EXPECT_EQ(read("there.bin"), (std::vector<float>{5, 5}));
  EXPECT_EQ(read("link.bin"), (std::vector<float>{5, 5}));
  EXPECT_EQ(read("sub/deep.bin"), (std::vector<float>{5, 6})) << "the model's own folder is first";
  EXPECT_EQ(read("data.bin"), (std::vector<float>{1, 2}));
  ExpectModelRefused(Model("there.bin"), kInvalid, "No such file");
  ExpectModelRefused(Model("link.bin"), kInvalid, "is a link to '/");
  for (const char* location : {"secret.bin", "secret2.bin", "../secret.bin", "missing.bin"}) {
    EXPECT_THROW(read(location), Error) << location;
  }
  options.data_folders = {root_ / "nowhere"};
  ExpectRefused([&] { ReadOnnx(Model("data.bin"), options); }, ErrorCode::kIo,
                {"cannot open the data folder", "nowhere"});
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
}  // namespace kinglet::files_test
