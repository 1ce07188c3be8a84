// kinglet ops: the table of operators.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/output.h"
#include "kinglet/operators.h"

namespace kinglet::cli {

Status OpsCommand(const CommonOptions& options) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  Table table({{"operator"}, {"opsets"}, {.heading = "element types", .fit = Fit::kWrap}});
  for (const OperatorSupport& op : SupportedOperators()) {
    list.push_back({{"name", op.name},
                    {"domain", op.domain},
                    {"since", op.since},
                    {"until", op.until},
                    {"attributes", op.attributes},
                    {"types", op.types}});
    table.Add({op.domain.empty() ? op.name : op.domain + "." + op.name,
               fmt::format("{} to {}", op.since, op.until), op.types});
  }
  Print(options.json ? Json{{"operators", list}}.dump() + "\n" : table.Text());
  return Status::kDone;
}

}  // namespace kinglet::cli
