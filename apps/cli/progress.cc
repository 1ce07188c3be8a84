#include "apps/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "apps/cli/cli.h"
#include "apps/cli/output.h"

namespace kinglet::cli {
namespace {

constexpr std::size_t kBarWidth = 24;
constexpr std::size_t kMaxText = 40;

bool visible = false;

}  // namespace

Progress::Progress(std::size_t total, bool enabled)
    : total_(total), enabled_(enabled && total > 1 && isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { Hide(); }

void Progress::Show(std::size_t done, const std::string& what) {
  if (!enabled_) return;
  const std::size_t filled = kBarWidth * done / total_;
  const std::string text = Shortened(OneLine(what), kMaxText);
  const std::string line = fmt::format("\r[{}{}] {}/{} {}\x1b[K", std::string(filled, '#'),
                                       std::string(kBarWidth - filled, '.'), done, total_, text);
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
  visible = true;
}

void Progress::Hide() {
  if (!visible) return;
  std::fputs("\r\x1b[K", stderr);
  visible = false;
}

}  // namespace kinglet::cli
