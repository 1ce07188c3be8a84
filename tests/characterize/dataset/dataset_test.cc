#include "characterize/dataset/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "characterize/dataset/measure_network.h"
#include "kinglet/error.h"
#include "kinglet/onnx.h"
#include "tests/support/graph_builder.h"

namespace kinglet::characterize::dataset_test {
namespace {

using ::testing::HasSubstr;

class DatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "kinglet_dataset_test";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string Text(const std::string& file) {
    std::string text;
    std::getline(std::ifstream(file), text, '\0');
    return text;
  }
  static void Write(const std::string& file, const std::string& text) {
    std::ofstream(file) << text;
  }
  static std::string ReadError(const std::string& file) {
    try {
      ReadDataset(file);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::string folder_;
};

DatasetMachine MachineOf(double gbps) {
  DatasetMachine machine{"cpu, with a comma", "avx2", 2, "0.1.0", FiguresOf({.use_cache = false})};
  machine.figures.l2_gbps = gbps;
  return machine;
}

std::vector<DataRow> NetworkOf(const std::string& name, double us) {
  std::vector<DataRow> rows(3);
  rows[0][RowText::kKind] = "layer";
  rows[0][RowText::kLayer] = "a \"quoted\", name";
  rows[0][RowText::kKernel] = "conv/direct_f32";
  rows[0][RowNumber::kMeasured] = us;
  rows[1][RowText::kKind] = "network";
  rows[1][RowNumber::kMeasured] = 1.1 * us;
  rows[2][RowText::kKind] = "done";
  for (DataRow& row : rows) {
    row[RowText::kNetwork] = name;
    row[RowText::kFamily] = FamilyOf(name);
  }
  return rows;
}

TEST_F(DatasetTest, GrowsAndIsReadBack) {
  const std::string file = Path("d.csv");
  const DatasetMachine machine = MachineOf(100);
  DatasetWriter writer(file, machine);
  writer.Add(NetworkOf("net_1", 0.1));
  writer.Add({FailedRow("folder/net_2.json", "", "no\nmemory")});
  const Dataset read = ReadDataset(file);
  ASSERT_EQ(read.rows.size(), 4u);
  EXPECT_EQ(read.rows[0][RowText::kLayer], "a \"quoted\", name");
  EXPECT_EQ(read.rows[0][RowNumber::kMeasured], 0.1);
  EXPECT_EQ(read.rows[3][RowText::kNetwork], "net_2");
  EXPECT_EQ(read.rows[3][RowText::kMark], "no memory");
  EXPECT_EQ(read.rows[3][RowText::kMachine], machine.Key());
  EXPECT_EQ(read.machines.at(machine.Key()).cpu, machine.cpu);
  EXPECT_EQ(read.machines.at(machine.Key()).Key(), machine.Key());
  EXPECT_THAT(Text(Path("d.md")), HasSubstr("`measured_us` | us |"));
  const DatasetSummary summary = Summarise(read);
  EXPECT_EQ(summary.networks, 1u);
  EXPECT_EQ(summary.failed, 1u);
  EXPECT_EQ(summary.families.at("net"), 1u);
  EXPECT_EQ(summary.kernels.at("conv/direct_f32"), 1u);
}

TEST_F(DatasetTest, GoesOnBehindTheLastWholeNetwork) {
  const std::string file = Path("d.csv");
  DatasetWriter(file, MachineOf(100)).Add(NetworkOf("net_1", 5));
  const std::string whole = Text(file);
  std::vector<DataRow> part = NetworkOf("net_2", 6);
  part.pop_back();
  const std::string rows = RowsText(part);
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{10}, rows.find('\n') + 1, rows.size()}) {
    Write(file, whole + rows.substr(0, bytes));
    DatasetWriter writer(file, MachineOf(100));
    EXPECT_EQ(writer.finished(), (std::set<std::string>{"net_1"}));
    EXPECT_EQ(Text(file), whole);
  }
  Write(file, whole.substr(0, whole.find('\n') + 20));
  EXPECT_TRUE(DatasetWriter(file, MachineOf(100)).finished().empty());
  EXPECT_EQ(Text(file), HeadingText());
}

TEST_F(DatasetTest, IsOfOneMachine) {
  const std::string file = Path("d.csv");
  DatasetWriter(file, MachineOf(100)).Add(NetworkOf("net_1", 5));
  EXPECT_THROW(DatasetWriter(file, MachineOf(101)), Error);
  EXPECT_THROW(DatasetWriter(Path("d.txt"), MachineOf(100)), Error);
}

TEST_F(DatasetTest, MergedNetworksCountOnce) {
  for (const auto& [name, gbps, us] :
       {std::tuple{"a", 100.0, 1.0}, {"b", 100.0, 2.0}, {"c", 50.0, 3.0}}) {
    DatasetWriter writer(Path(std::string(name) + ".csv"), MachineOf(gbps));
    writer.Add(NetworkOf("net_1", us));
    writer.Add(NetworkOf(std::string("net_") + name, us));
  }
  const Dataset merged =
      Merge({ReadDataset(Path("a.csv")), ReadDataset(Path("b.csv")), ReadDataset(Path("c.csv"))});
  EXPECT_EQ(merged.machines.size(), 2u);
  EXPECT_EQ(Summarise(merged).networks, 5u);  // net_1 of a and c, and each one's own
  EXPECT_EQ(merged.rows[0][RowNumber::kMeasured], 1.0);
  WriteDataset(merged, Path("all.csv"));
  EXPECT_EQ(ReadDataset(Path("all.csv")).rows, merged.rows);
}

TEST(DatasetSplit, TakesTheShareOfEachFamily) {
  Dataset dataset;
  for (int i = 0; i < 20; ++i) {
    for (const char* family : {"net_", "other_"}) {
      for (DataRow& row : NetworkOf(family + std::to_string(i), 1)) dataset.rows.push_back(row);
    }
  }
  const auto [first, second] = Split(dataset, 0.25, 7);
  EXPECT_EQ(Summarise(second).families,
            (std::map<std::string, std::size_t>{{"net", 5}, {"other", 5}}));
  EXPECT_EQ(Summarise(first).networks, 30u);
  EXPECT_EQ(Split(dataset, 0.25, 7).second.rows, second.rows);
  EXPECT_NE(Split(dataset, 0.25, 8).second.rows, second.rows);
}

TEST_F(DatasetTest, HostileOnesAreRefused) {
  const std::string file = Path("d.csv");
  DatasetWriter(file, MachineOf(100)).Add(NetworkOf("net_1", 5));
  const std::string csv = Text(file);
  const std::string schema = Text(Path("d.schema.json"));
  const std::string row = csv.substr(HeadingText().size());
  EXPECT_THAT(ReadError(Path("none.csv")), HasSubstr("none.csv"));
  std::ofstream(Path("empty.csv")).close();
  EXPECT_THAT(ReadError(Path("empty.csv")), HasSubstr("empty.csv: is empty"));
  Write(file, "a,b\n1,2\n");
  EXPECT_THAT(ReadError(file), HasSubstr("line 1: the columns"));
  Write(file, HeadingText() + "layer,net\n");
  EXPECT_THAT(ReadError(file), HasSubstr("line 2: column 'family': expected a value"));
  Write(file, HeadingText() + "\"layer\n");
  EXPECT_THAT(ReadError(file), HasSubstr("a closing quote"));
  Write(file, HeadingText() + "layer" + row.substr(row.find(',')));
  EXPECT_EQ(ReadError(file), "no error");
  for (const char* number : {"nan", "inf", "-1", "1e999", "x", ""}) {
    std::string text = csv;
    text.replace(text.rfind(",5,"), 3, std::string(",") + number + ",");
    Write(file, text);
    EXPECT_THAT(ReadError(file), HasSubstr("expected a number from 0")) << number;
  }
  Write(file, csv.substr(0, csv.size() - 1) + ",7\n");
  EXPECT_THAT(ReadError(file), HasSubstr("more values"));
  std::string other = csv;
  other.replace(other.find("layer,net", HeadingText().size()), 5, "thing");
  Write(file, other);
  EXPECT_THAT(ReadError(file), HasSubstr("network, layer, alternative, done or failed"));
  other = csv;
  other.replace(other.find(",m", HeadingText().size()), 3, ",mx");
  Write(file, other);
  EXPECT_THAT(ReadError(file), HasSubstr("none of those of the schema"));
  Write(file, csv);
  Write(Path("d.schema.json"), "{}");
  EXPECT_THAT(ReadError(file), HasSubstr("is no schema"));
  std::string columns = schema;
  columns.replace(columns.find("\"kind\""), 6, "\"kinds\"");
  Write(Path("d.schema.json"), columns);
  EXPECT_THAT(ReadError(file), HasSubstr("other columns"));
  std::string figures = schema;
  figures.replace(figures.find("\"l2_gbps\": "), 11, "\"l2_gbps\": -");
  Write(Path("d.schema.json"), figures);
  EXPECT_THAT(ReadError(file), HasSubstr("l2_gbps"));
}

TEST(MeasureNetwork, GivesARowForEveryLayerAndPoint) {
  MeasureOptions options;
  options.batches = {1, 2};
  options.threads = {1, 2};
  options.seconds = 0.01;
  options.turns = 2;
  options.compile.use_cache = false;
  const std::vector<DataRow> rows = MeasureNetwork("demo", options);
  EXPECT_EQ(rows.back()[RowText::kKind], "done");
  std::size_t networks = 0;
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
    EXPECT_EQ(rows[i][RowText::kNetwork], "demo");
    EXPECT_GT(rows[i][RowNumber::kPhysical], 0.0);
    networks += rows[i][RowText::kKind] == "network" ? 1 : 0;
    if (rows[i][RowText::kKind] == "network") {
      EXPECT_GT(rows[i][RowNumber::kMeasured], 0.0);
    }
  }
  EXPECT_EQ(networks, 4u);
  EXPECT_EQ(ParseRows(RowsText(rows), "text").size(), rows.size());
  options.most_ms = 1e-9;
  EXPECT_THROW(MeasureNetwork("demo", options), Error);
}

TEST(MeasureNetwork, TimesOtherKernelsInTheirPlaces) {
  MeasureOptions options;
  options.seconds = 0.01;
  options.turns = 2;
  options.candidates = 3;
  options.compile.use_cache = false;
  std::map<std::string, std::set<std::string>> kernels;  // of each layer
  double steps = 0;
  std::size_t layers = 0;
  const std::vector<DataRow> rows = MeasureNetwork("demo", options);
  EXPECT_EQ(ParseRows(RowsText(rows), "text").size(), rows.size());
  for (const DataRow& row : rows) {
    if (row[RowText::kKind] == "layer") ++layers;
    if (row[RowText::kKind] == "network") steps = row[RowNumber::kSteps];
    if (row[RowText::kKind] != "alternative") continue;
    EXPECT_GT(row[RowNumber::kMeasured], 0.0);
    EXPECT_GT(row[RowNumber::kPhysical], 0.0);
    EXPECT_TRUE(kernels[row[RowText::kLayer]].insert(row[RowText::kKernel]).second);
  }
  EXPECT_EQ(static_cast<double>(layers), steps);  // the others are none of the network
  EXPECT_FALSE(kernels.empty());
  for (const auto& [layer, of_layer] : kernels) EXPECT_GT(of_layer.size(), 1u) << layer;
}

TEST_F(DatasetTest, ANetworkOfOneBatchIsMeasuredAtThat) {
  testing::GraphBuilder b;
  b.Output(b.Op("Relu", {b.Input("x", {2, 3, 8, 8})}), "y");
  WriteOnnx(Path("fixed.onnx"), b.Take());
  MeasureOptions options;
  options.batches = {1, 2, 4};
  options.seconds = 0.01;
  options.turns = 2;
  options.compile.use_cache = false;
  const std::vector<DataRow> rows = MeasureNetwork(Path("fixed.onnx"), options);
  for (const DataRow& row : rows) {
    if (row[RowText::kKind] == "done") continue;
    EXPECT_EQ(row[RowNumber::kBatch], 2);
  }
  EXPECT_GT(rows.size(), 1u);
  options.batches = {1, 4};
  try {
    MeasureNetwork(Path("fixed.onnx"), options);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("has a fixed batch of 2"));
  }
}

TEST(MeasureNetwork, NamesAndFamilies) {
  EXPECT_EQ(NetworkNameOf("a/b/c_1.json"), "c_1");
  EXPECT_EQ(NetworkNameOf("mobilenet_v1"), "mobilenet_v1");
  EXPECT_EQ(FamilyOf("nasbench101_7_00012"), "nasbench101");
  EXPECT_EQ(FamilyOf("mobilenet_v1"), "mobilenet_v1");
  EXPECT_EQ(FamilyOf("resnet50"), "resnet50");
  EXPECT_EQ(FamilyOf("12"), "12");
}

}  // namespace
}  // namespace kinglet::characterize::dataset_test
