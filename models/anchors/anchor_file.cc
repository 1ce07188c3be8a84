#include "models/anchors/anchor_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"
#include "models/files/files.h"
#include "models/files/json_object.h"

namespace kinglet {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;
constexpr int kMaxDepth = 8;

bool IsAnchor(const json& row) {
  return row.is_array() && row.size() == 4 &&
         std::all_of(row.begin(), row.end(), [](const json& v) {
           return v.is_number() && std::isfinite(static_cast<float>(v.get<double>()));
         });
}

}  // namespace

std::vector<AnchorBox> ReadAnchors(const std::string& path) {
  const std::string text = ReadTextFile(path, kMaxFileBytes, "a file of anchors");
  const json file = ParseStrictJson(text, path, kMaxFileBytes, kMaxDepth);
  const auto member = file.is_object() ? file.find("anchors") : file.end();
  const json& rows = file.is_object() && member != file.end() ? *member : file;
  const auto fail = [&path](const std::string& found) {
    throw Error(ErrorCode::kInvalidModel,
                path + ": expected an array of anchors [cy, cx, h, w], found " + found);
  };
  if (!rows.is_array() || rows.empty()) fail("no array with something in it");
  std::vector<AnchorBox> anchors;
  anchors.reserve(rows.size());
  for (const json& row : rows) {
    if (!IsAnchor(row)) fail("something else at place " + std::to_string(anchors.size()));
    anchors.push_back(
        {row[0].get<float>(), row[1].get<float>(), row[2].get<float>(), row[3].get<float>()});
  }
  return anchors;
}

}  // namespace kinglet
