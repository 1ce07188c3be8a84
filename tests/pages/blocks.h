// The C++ of README and docs as functions.
#pragma once

#include <string>
#include <vector>

struct PageBlock {
  std::string place;  // "README.md:39"
  void (*run)();
};

// Written by snippets.py.
const std::vector<PageBlock>& PageBlocks();
