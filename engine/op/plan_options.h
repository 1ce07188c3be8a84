// How nodes are planned: all at once by the planner, one by one by what waits for data.
#pragma once

#include "engine/cost/cost_model.h"
#include "engine/op/context.h"

namespace kinglet {

struct PlanOptions {
  Limits limits;
  int threads = 1;
  bool blocked_layout = true;
  CostModel cost;
  bool trial = false;  // for its predictions alone: packs nothing and cannot run
};

}  // namespace kinglet
