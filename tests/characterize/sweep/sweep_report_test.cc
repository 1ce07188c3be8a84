// The pictures, the words and the page of made-up sweeps.
#include "characterize/sweep/sweep_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "characterize/pictures/gnuplot.h"
#include "characterize/sweep/sweep_pictures.h"
#include "characterize/sweep/sweep_words.h"
#include "kinglet/error.h"

namespace kinglet::characterize::sweep_report_test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

SweepPoint Made(const std::string& network, int batch, int threads, int instances,
                InstanceKind kind) {
  SweepPoint point;
  point.key = {
      .network = network, .batch = batch, .threads = threads, .instances = instances, .kind = kind};
  const double cores = std::min(2, threads * instances);
  double value = 60 * cores * batch / (batch + 1.5);
  if (batch >= 9 && batch <= 12) value *= 0.85;
  if (kind == InstanceKind::kProcesses && instances > 1) value *= 1.04;
  point.images_per_s = value;
  const double ms = 1e3 * batch * instances / value;
  point.latency = {.runs = 200,
                   .mean_ms = ms,
                   .min_ms = 0.97 * ms,
                   .p50_ms = ms,
                   .p90_ms = 1.02 * ms,
                   .p95_ms = 1.03 * ms,
                   .p99_ms = 1.06 * ms,
                   .variation = 0.02,
                   .median_low_ms = 0.99 * ms,
                   .median_high_ms = 1.01 * ms};
  point.core_utilisation = {cores / 2, cores > 1 ? 0.95 : 0.03};
  point.peak_rss_mb = (40 + 3 * batch) * instances;
  point.turns = 4;
  const char* kernel = batch >= 9 && batch <= 12 ? "conv/gemm_f32" : "conv/direct_f32";
  point.kernels = {{"conv1", "conv/direct_f32"}, {"conv2", kernel}};
  return point;
}

// Two networks, one and two threads, two instances as threads and as processes.
std::vector<SweepPoint> MadeSweep() {
  std::vector<SweepPoint> sweep;
  for (const char* network : {"mobilenet_v1", "<b>odd</b> 'name' `x`.onnx"}) {
    for (const auto& [threads, instances, kind] :
         {std::tuple(1, 1, InstanceKind::kThreads), std::tuple(2, 1, InstanceKind::kThreads),
          std::tuple(1, 2, InstanceKind::kThreads), std::tuple(1, 2, InstanceKind::kProcesses)}) {
      for (int batch = 1; batch <= 24; ++batch) {
        sweep.push_back(Made(network, batch, threads, instances, kind));
      }
    }
  }
  sweep[3].mark = "other programs took 0.5 of a CPU";
  return sweep;
}

std::vector<std::string> Names(const std::vector<SweepPicture>& pictures) {
  std::vector<std::string> names;
  for (const SweepPicture& picture : pictures) names.push_back(picture.name);
  return names;
}

TEST(SweepPicturesTest, OnlyThoseAreMadeThatThereIsDataFor) {
  EXPECT_THAT(SweepPictures({}), IsEmpty());
  EXPECT_THAT(Names(SweepPictures(MadeSweep())),
              ElementsAre("latency_throughput", "throughput_batch", "utilisation", "memory",
                          "instances", "processes"));
  const SweepPoint one = Made("n", 4, 1, 1, InstanceKind::kThreads);
  EXPECT_THAT(Names(SweepPictures({one})), ElementsAre("latency_throughput"));
  SweepPoint other = Made("n", 5, 1, 1, InstanceKind::kThreads);
  other.clock_mhz = 3000;
  EXPECT_THAT(Names(SweepPictures({one, other})), Contains("clock"));
}

TEST(SweepPicturesTest, CliffsAndOtherKernelsAreMarked) {
  const std::vector<SweepPicture> pictures = SweepPictures(MadeSweep());
  const Panel& panel = pictures[1].plot.panels[0];
  EXPECT_EQ(panel.title, "mobilenet_v1");
  ASSERT_THAT(panel.series, SizeIs(6));  // four curves, kernels, a mark
  EXPECT_EQ(panel.series[0].name, "1 thread");
  EXPECT_EQ(panel.series[0].labels[8], "9: -13 %");
  EXPECT_THAT(panel.series[4].name, HasSubstr("kernel"));
  EXPECT_THAT(panel.series[4].x, ElementsAre(9, 13, 9, 13, 9, 13, 9, 13));
  EXPECT_THAT(panel.series[5].x, ElementsAre(4));
}

TEST(SweepPicturesTest, ManyCurvesAreDivided) {
  std::vector<SweepPoint> sweep;
  for (int threads = 1; threads <= 4; ++threads) {
    for (int instances = 1; instances <= 3; ++instances) {
      sweep.push_back(Made("n", 1, threads, instances, InstanceKind::kThreads));
    }
  }
  EXPECT_THAT(SweepPictures(sweep)[0].plot.panels, SizeIs(3));
}

TEST(SweepWordsTest, SayWhatWasFound) {
  const std::vector<std::string> words = SweepWords(MadeSweep());
  EXPECT_THAT(words,
              Contains(AllOf(HasSubstr("mobilenet_v1: the most throughput is that of 1 thread, 2 "
                                       "instances as processes, at batch"))));
  EXPECT_THAT(words, Contains(AllOf(HasSubstr("a cliff from batch 8 to 9: throughput falls by"),
                                    HasSubstr("conv2 (conv/gemm_f32 instead of conv/direct_f32)"),
                                    HasSubstr("back at batch 13"))));
  EXPECT_THAT(words, Contains(HasSubstr("the knee is at batch 13 with 1 thread (")));
  EXPECT_THAT(
      words,
      Contains(HasSubstr(
          "2 instances as threads: 2.00 times the throughput of one instance at each batch")));
  EXPECT_THAT(words, Contains(HasSubstr("1.04 times the throughput of as many threads")));
  EXPECT_THAT(words, Contains("Not to be trusted: mobilenet_v1 f32 batch 4 threads 1: other "
                              "programs took 0.5 of a CPU."));
  EXPECT_THAT(SweepWords({}), IsEmpty());
}

TEST(SweepWordsTest, WhereAllPointsAreMarkedThatIsSaid) {
  std::vector<SweepPoint> sweep = MadeSweep();
  for (SweepPoint& point : sweep) point.mark = "unrest";
  const std::vector<std::string> words = SweepWords(sweep);
  ASSERT_THAT(words, SizeIs(5));
  EXPECT_THAT(words[0], HasSubstr("No point is to be trusted"));
}

TEST(SweepReportTest, APageAndItsPicturesAreWritten) {
  try {
    CheckGnuplot();
  } catch (const Error&) {
    GTEST_SKIP() << "gnuplot is not installed";
  }
  const std::filesystem::path folder =
      ::testing::TempDir() + "kinglet_sweep_report_" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  measure::Machine machine;
  machine.cpu = "a CPU & more";
  WriteSweepReport(folder, MadeSweep(), machine);
  EXPECT_TRUE(std::filesystem::exists(folder / "pictures" / "throughput_batch.png"));
  EXPECT_TRUE(std::filesystem::exists(folder / "pictures" / "throughput_batch.svg"));
  std::ifstream file(folder / "report.html");
  std::ostringstream html;
  html << file.rdbuf();
  EXPECT_THAT(html.str(), AllOf(HasSubstr("a CPU &amp; more"), HasSubstr("&lt;b&gt;odd"),
                                Not(HasSubstr("<b>odd")), HasSubstr("All 192 points"),
                                HasSubstr("<svg"), HasSubstr("</html>")));
  if (std::getenv("KINGLET_KEEP") == nullptr) std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace kinglet::characterize::sweep_report_test
