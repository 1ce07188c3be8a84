// Commands that look into one network: where its time goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "characterize/cold/cold.h"

namespace kinglet::cli {

struct ProfileOptions {
  CommonOptions common;
  std::string network;
  int batch = 0;  // 0: the model's, or 1
  std::vector<std::string> shapes;
  std::string counters = "auto";
  std::string output;  // folder; "": nothing is written
  double seconds = 3;
};

struct ColdCommandOptions {
  CommonOptions common;
  std::string network;
  std::string picture;     // file
  std::string descriptor;  // name or file; "": the network's own, or the one beside it
  int turns = 7;           // processes
  bool drop_cache = false;
  std::string peers;         // file with reports of other engines; "": none
  std::string output;        // folder; "": nothing is written
  bool point = false;        // one turn in this process
  std::int64_t started = 0;  // of a turn, when its process was started
};

struct SplitCommandOptions {
  CommonOptions common;
  std::string network;
  std::vector<std::string> pictures;  // files and folders
  std::string descriptor;             // name or file; "": the network's own, or the one beside it
  std::string classes;                // list, as ParseNumberList reads it; "": as the network is
  double seconds = 3;
  std::string output;  // folder; "": nothing is written
};

struct CorrelateOptions {
  CommonOptions common;
  std::vector<std::string> networks;  // none: those of characterize::UsualNetworks
  int batch = 1;
  std::string counters = "auto";
  int rounds = 3;  // processes of each network
  double seconds = 1;
  std::string peers;   // file with metrics of other engines; "": none
  std::string output;  // folder; "": nothing is written
  bool point = false;  // measures the first network in this process
  int run_only = 0;    // above 0: runs it so often, for valgrind
};

struct StudyCommandOptions {
  CommonOptions common;
  bool quick = false;
  std::string pictures;  // folder; "": none
  bool restart = false;
  std::string output;  // folder
};

Status ProfileCommand(const ProfileOptions& options);
Status ColdCommand(const ColdCommandOptions& options);
// One cold start in a process of its own. Throws Error as RunCold does there.
characterize::ColdRun TakeColdTurn(const ColdCommandOptions& options);
Status SplitCommand(const SplitCommandOptions& options);
Status CorrelateCommand(const CorrelateOptions& options);
Status StudyCommand(const StudyCommandOptions& options);

}  // namespace kinglet::cli
