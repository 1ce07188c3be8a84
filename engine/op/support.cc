#include <sstream>

#include "engine/op/op.h"
#include "kinglet/operators.h"

namespace kinglet {

std::vector<OperatorSupport> SupportedOperators() {
  std::vector<OperatorSupport> table;
  for (const OpDef* op : AllOps()) {
    OperatorSupport row;
    row.name = op->name;
    row.domain = op->domain;
    row.since = op->since;
    row.until = op->until;
    row.types = op->types;
    std::istringstream names{std::string(op->attributes)};
    for (std::string name; names >> name;) row.attributes.push_back(name);
    table.push_back(std::move(row));
  }
  return table;
}

}  // namespace kinglet
