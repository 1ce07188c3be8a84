// Options of what is read of models, and of how large they may be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/command.h"

namespace kinglet::testing::model_options_test {
namespace {

using ::testing::HasSubstr;

std::string DemoModel() { return SourcePath("models/demo/demo.onnx").string(); }

TEST(ModelOptions, LimitsNameTheOptionThatLiftsThem) {
  const auto refused = [](const std::vector<std::string>& extra, const std::string& option) {
    for (const char* command : {"info", "bench"}) {
      std::vector<std::string> arguments = {command, DemoModel(), "--no-cache"};
      arguments.insert(arguments.end(), extra.begin(), extra.end());
      const CommandResult result = Kinglet(arguments);
      EXPECT_EQ(result.status, 4) << command << ": " << result.err;
      EXPECT_THAT(result.err, HasSubstr(option));
    }
  };
  refused({"--max-tensor-bytes", "1k"}, "--max-tensor-bytes");
  refused({"--max-model-bytes", "1000"}, "--max-model-bytes");
  refused({"--max-arena-bytes", "1K"}, "--max-arena-bytes");
  const CommandResult lifted = Kinglet(
      {"info", DemoModel(), "--no-cache", "--max-tensor-bytes", "6G", "--max-model-bytes", "20GB"});
  EXPECT_EQ(lifted.status, 0) << lifted.err;
  EXPECT_EQ(Kinglet({"info", DemoModel(), "--max-tensor-bytes", "much"}).status, 2);
}

TEST(ModelOptions, EveryCommandThatReadsAModelHasThem) {
  for (const char* command :
       {"classify", "detect", "evaluate", "run", "info", "bench", "tune", "optimise", "describe"}) {
    const CommandResult help = Kinglet({command, "--help"});
    EXPECT_THAT(help.out, HasSubstr("--data-folder")) << command;
    EXPECT_THAT(help.out, HasSubstr("--max-tensor-bytes")) << command;
  }
}

}  // namespace
}  // namespace kinglet::testing::model_options_test
