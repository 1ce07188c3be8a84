#include "kinglet/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "converters/npy/npy_format.h"
#include "kinglet/error.h"
#include "tests/vision/shared_data.h"

namespace kinglet::npy_test {
namespace {

namespace fs = std::filesystem;

// A folder that disappears with the test.
class NpyFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "kinglet-npy-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ / name; }

  fs::path folder_;
};

std::string Version1(const std::string& dict, const std::string& elements) {
  std::string header = dict + '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size() & 0xff) +
         static_cast<char>(header.size() >> 8) + header + elements;
}

std::string Bytes(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.raw()), tensor.bytes()};
}

Tensor Parse(const std::string& bytes) {
  return converters::ParseNpy(bytes, converters::Place("a.npy"));
}

void ExpectRefused(const std::string& bytes, const std::string& part) {
  try {
    Parse(bytes);
    ADD_FAILURE() << "accepted, expected an error with: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    EXPECT_THAT(error.what(), ::testing::StartsWith("a.npy: "));
  }
}

TEST_F(NpyFiles, EveryTypeComesBackAsWritten) {
  for (const DataType type :
       {DataType::kFloat32, DataType::kFloat64, DataType::kFloat16, DataType::kInt8,
        DataType::kInt16, DataType::kInt32, DataType::kInt64, DataType::kUInt8, DataType::kUInt16,
        DataType::kUInt32, DataType::kUInt64, DataType::kBool}) {
    SCOPED_TRACE(DataTypeName(type));
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 3}, Shape{0, 4}, Shape{1, 2, 3, 4, 5}}) {
      Tensor tensor(type, shape);
      auto* bytes = static_cast<unsigned char*>(tensor.raw());
      for (std::size_t i = 0; i < tensor.bytes(); ++i) {
        bytes[i] = static_cast<unsigned char>(type == DataType::kBool ? i % 2 : i * 37 + 1);
      }
      WriteNpy(Path("t.npy"), tensor);
      const Tensor read = ReadNpy(Path("t.npy"));
      EXPECT_EQ(read.type(), type);
      EXPECT_EQ(read.shape(), shape);
      EXPECT_EQ(Bytes(read), Bytes(tensor));
    }
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "temporary files are left";
}

TEST_F(NpyFiles, ElementsStartAtAMultipleOf64) {
  for (std::int64_t size = 1; size < 2'000'000'000; size *= 10) {
    const std::string header =
        converters::NpyHeader(Tensor(DataType::kUInt8, {0, size}), converters::Place("a.npy"));
    EXPECT_EQ(header.size() % 64, 0u);
    EXPECT_EQ(header.back(), '\n');
    EXPECT_EQ(Parse(header).shape(), (Shape{0, size}));
  }
}

TEST_F(NpyFiles, AnExistingFileIsReplacedAndASpecialOneIsNot) {
  WriteNpy(Path("a.npy"), Tensor::From<float>({1}, {1.0f}));
  WriteNpy(Path("a.npy"), Tensor::From<float>({1}, {2.0f}));
  EXPECT_EQ(ReadNpy(Path("a.npy")).data<float>()[0], 2.0f);
  EXPECT_THROW(WriteNpy(folder_, Tensor::From<float>({1}, {1.0f})), Error);
  EXPECT_THROW(WriteNpy("/dev/null", Tensor::From<float>({1}, {1.0f})), Error);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THROW(WriteNpy(Path("missing/a.npy"), Tensor::From<float>({1}, {1.0f})), Error);
}

TEST_F(NpyFiles, TypesWithoutACounterpartAreRefused) {
  EXPECT_THROW(WriteNpy(Path("a.npy"), Tensor(DataType::kBFloat16, {1})), Error);
  EXPECT_THROW(WriteNpy(Path("a.npy"), Tensor()), Error);
  EXPECT_FALSE(fs::exists(Path("a.npy")));
}

TEST_F(NpyFiles, FilesThatCannotBeReadAreIoErrors) {
  for (const std::string& path :
       {Path("missing.npy"), folder_.string(), std::string("/dev/null")}) {
    try {
      ReadNpy(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
    }
  }
}

TEST_F(NpyFiles, TheHeaderFormsOfNumPyAreRead) {
  const std::string two(8, '\0');
  const std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(Parse(Version1(dict, two)).shape(), Shape{2});
  std::string version2 = std::string("\x93NUMPY\x02\x00", 8);
  version2 += {static_cast<char>(dict.size()), '\0', '\0', '\0'};
  EXPECT_EQ(Parse(version2 + dict + two).shape(), Shape{2});
  // As Python 2 wrote it; a vector is in both orders.
  EXPECT_EQ(Parse(Version1("{\"shape\":(2L,),'fortran_order':True,'descr':'<f4'}", two)).shape(),
            Shape{2});
  EXPECT_EQ(Parse(Version1("{'descr': '|i1', 'fortran_order': False, 'shape': ()}", "x")).size(),
            1);
  EXPECT_EQ(Parse(Version1("{'descr': '>u1', 'fortran_order': False, 'shape': (1, 1)}", "x"))
                .data<std::uint8_t>()[0],
            'x');
}

TEST_F(NpyFiles, ABoolIsZeroOrOne) {
  const Tensor bools = Parse(
      Version1("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", {'\0', '\1', '\7'}));
  EXPECT_EQ(Bytes(bools), std::string({'\0', '\1', '\1'}));
}

TEST_F(NpyFiles, MalformedFilesAreRefused) {
  ExpectRefused("", "no .npy file");
  ExpectRefused("PK\x03\x04", "no .npy file");
  ExpectRefused("\x93NUMPY", "cut within its header");
  ExpectRefused(std::string("\x93NUMPY\x01\x00\xff\x00", 10), "cut within its header");
  ExpectRefused(std::string("\x93NUMPY\x09\x00\x00\x00\x00\x00", 12), "format version 9");
  ExpectRefused(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12), "more than the limit");
  const auto dict = [](const std::string& descr, const std::string& fortran,
                       const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + "}";
  };
  const auto refused = [](const std::string& text, const std::string& part) {
    ExpectRefused(Version1(text, std::string(8, '\0')), part);
  };
  refused(dict("'<f4'", "True", "(2, 1)"), "Fortran order");
  refused(dict("'>f4'", "False", "(2,)"), "big-endian");
  refused(dict("'|O'", "False", "(1,)"), "Python objects");
  refused(dict("'<c8'", "False", "(1,)"), "supported are");
  refused(dict("'<U2'", "False", "(1,)"), "supported are");
  refused(dict("''", "False", "(1,)"), "empty element type");
  refused(dict("[('a', '<f4')]", "False", "(2,)"), "structures");
  refused(dict("'<f4'", "False", "(3,)"), "8 bytes of elements, expected 12");
  refused(dict("'<f4'", "False", "(1,)"), "8 bytes of elements, expected 4");
  refused(dict("'<f4'", "False", "(-2,)"), "malformed");
  refused(dict("'<f4'", "False", "(4294967296, 4294967296, 4)"), "too large to count");
  refused(dict("'<f4'", "False", "(99999999999999999999,)"), "malformed");
  refused(dict("'<f4'", "Maybe", "(2,)"), "True or False");
  refused("{'descr': '<f4'}", "lacks one of");
  refused("{'descr': '<f4', 'descr': '<f4'}", "unexpected key");
  refused("{'other': 1}", "unexpected key");
  refused("{'descr': '<f4", "end of a string");
  refused("", "expected '{'");
  refused(dict("'<f4'", "False", "(2,)") + "x", "nothing more");
  std::string deep = "(";
  for (int i = 0; i < 65; ++i) deep += "1,";
  refused(dict("'<f4'", "False", deep + ")"), "more than 64 dimensions");
}

TEST_F(NpyFiles, EveryCutOfAFileIsRefused) {
  const std::string whole =
      Version1("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", std::string(8, '\0'));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(Parse(whole.substr(0, length)), Error) << length;
  }
}

TEST_F(NpyFiles, GoldenInputsOfNumPyAreRead) {
  KINGLET_NEEDS_SHARED_DATA();
  const Tensor input =
      ReadNpy(testing::SharedData() / "golden" / "inputs" / "cat_720p.slim128.npy");
  EXPECT_EQ(input.type(), DataType::kFloat32);
  EXPECT_EQ(input.shape(), (Shape{1, 3, 128, 128}));
  for (std::int64_t i = 0; i < input.size(); ++i) {
    ASSERT_LE(std::abs(input.data<float>()[i]), 1.0f);
  }
}

}  // namespace
}  // namespace kinglet::npy_test
