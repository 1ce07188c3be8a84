#include "measure/network/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"

namespace kinglet::measure::record_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

PointRecord Example() {
  PointRecord record;
  record.model = "net \"one\".onnx";
  record.batch = 8;
  record.threads = 4;
  record.precision = "bf16";
  record.times = {12.5, 12.25, 14.0625, 160};
  record.operations = 3e9;
  record.peak_rss_mb = 84.5;
  record.file_rss_mb = 12.5;
  record.stages = DetectorStages{1.5, 0.25, 0.0625};
  record.notes = {"ignored: a file"};
  record.machine = {"A CPU (6 1 2)", "avx2", 2, "0.1.0", 96.5};
  return record;
}

TEST(RecordTest, SpeedsFollowFromTheMedian) {
  const PointRecord record = Example();
  EXPECT_DOUBLE_EQ(record.images_per_s(), 640);
  EXPECT_DOUBLE_EQ(record.gflops(), 240);
  EXPECT_DOUBLE_EQ(record.share_of_peak(), 240 / (2 * 96.5));  // four threads on two CPUs
  PointRecord unknown = record;
  unknown.machine.peak_gflops = 0;
  EXPECT_EQ(unknown.share_of_peak(), 0);
}

TEST(RecordTest, ARecordComesBackAsItWas) {
  for (const bool detector : {false, true}) {
    PointRecord record = Example();
    if (!detector) {
      record.stages.reset();
      record.notes.clear();
    }
    const std::string line = RecordLine(record);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    const PointRecord read = ParseRecord(line, "test");
    EXPECT_EQ(RecordLine(read), line);
    EXPECT_EQ(read.model, record.model);
    EXPECT_EQ(read.batch, 8);
    EXPECT_EQ(read.threads, 4);
    EXPECT_EQ(read.precision, "bf16");
    EXPECT_EQ(read.times.median_ms, 12.5);
    EXPECT_EQ(read.times.min_ms, 12.25);
    EXPECT_EQ(read.times.p95_ms, 14.0625);
    EXPECT_EQ(read.times.runs, 160u);
    EXPECT_EQ(read.operations, 3e9);
    EXPECT_EQ(read.peak_rss_mb, 84.5);
    EXPECT_EQ(read.file_rss_mb, 12.5);
    EXPECT_EQ(read.notes, record.notes);
    EXPECT_EQ(read.machine, record.machine);
    ASSERT_EQ(read.stages.has_value(), detector);
    if (detector) {
      EXPECT_EQ(read.stages->postprocess, 0.0625);
    }
  }
}

TEST(RecordTest, TheLineHasWhatPeopleReadToo) {
  const Json json = Json::parse(RecordLine(Example()));
  EXPECT_EQ(json.at("format"), kRecordFormat);
  EXPECT_EQ(json.at("images_per_s"), 640);
  EXPECT_EQ(json.at("gflops"), 240);
  EXPECT_EQ(json.at("ms").at("network"), 12.5);
  EXPECT_EQ(json.at("machine").at("cpu"), "A CPU (6 1 2)");
}

TEST(RecordTest, KeysOfLaterVersionsAreSkipped) {
  Json json = Json::parse(RecordLine(Example()));
  json["utilisation"] = {0.5, 0.75};
  EXPECT_EQ(ParseRecord(json.dump(), "test").batch, 8);
}

TEST(RecordTest, NamesThatAreNoUtf8MakeALine) {
  PointRecord record = Example();
  record.model = "net\xFF.onnx";
  EXPECT_THAT(ParseRecord(RecordLine(record), "test").model, HasSubstr(".onnx"));
}

std::string ErrorOf(const std::string& line) {
  try {
    ParseRecord(line, "sweep.jsonl:3");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    const std::string what = error.what();
    EXPECT_THAT(what, HasSubstr("sweep.jsonl:3"));
    EXPECT_EQ(what.find('\n'), what.npos);
    return what;
  }
  return "no error";
}

TEST(RecordTest, WhatIsNoRecordIsOneError) {
  for (const char* line : {"", "no JSON", "[1, 2]", "7", "{\"model\": ", "{} {}"}) {
    EXPECT_THAT(ErrorOf(line), HasSubstr("sweep.jsonl:3")) << line;
  }
  EXPECT_THAT(ErrorOf("{}"), HasSubstr("no 'format'"));
  EXPECT_THAT(ErrorOf(std::string(100'000, '[')), HasSubstr("expected the record"));
}

TEST(RecordTest, EveryKeyIsChecked) {
  const Json good = Json::parse(RecordLine(Example()));
  for (const char* key : {"model", "batch", "threads", "median_ms", "min_ms", "p95_ms", "runs",
                          "operations", "peak_rss_mb", "file_rss_mb", "machine", "format"}) {
    Json json = good;
    json.erase(key);
    EXPECT_THAT(ErrorOf(json.dump()), HasSubstr("no '" + std::string(key) + "'"));
    for (const Json& wrong : {Json(nullptr), Json(-1), Json::array(), Json(true)}) {
      json[key] = wrong;
      EXPECT_THAT(ErrorOf(json.dump()), AllOf(HasSubstr(key), HasSubstr("expected"))) << wrong;
    }
  }
  for (const char* key : {"cpu", "instruction_set", "cpus", "kinglet", "peak_gflops"}) {
    Json json = good;
    json["machine"].erase(key);
    EXPECT_THAT(ErrorOf(json.dump()), HasSubstr(key));
  }
  const auto with = [&](const char* key, const Json& value) {
    Json json = good;
    json[key] = value;
    return ErrorOf(json.dump());
  };
  EXPECT_THAT(with("format", 2), AllOf(HasSubstr("format 1"), HasSubstr("format 2")));
  EXPECT_THAT(with("batch", 1e12), HasSubstr("'batch'"));
  EXPECT_THAT(with("batch", 1.5), HasSubstr("'batch'"));
  EXPECT_THAT(with("ms", {{"decode", 1}}), HasSubstr("no 'preprocess'"));
  EXPECT_THAT(with("notes", {1, 2}), HasSubstr("an array of strings"));
}

}  // namespace
}  // namespace kinglet::measure::record_test
