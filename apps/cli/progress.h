// A progress bar on stderr, for people.
#pragma once

#include <cstddef>
#include <string>

namespace kinglet::cli {

// Shows nothing unless stderr is a terminal and `enabled`. One bar at a time.
class Progress {
 public:
  Progress(std::size_t total, bool enabled);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of the total are done; `what` is being worked on.
  void Show(std::size_t done, const std::string& what);
  // Clears the bar, where there is one, before something else is printed.
  static void Hide();

 private:
  std::size_t total_;
  bool enabled_;
};

}  // namespace kinglet::cli
