#include "kernels/common/packed_format.h"

#include "kernels/common/blocked.h"
#include "kernels/common/value_text.h"

namespace kinglet::kernels {

std::string ToString(const PackedFormat& f) {
  return f.family + '/' + f.variant + " block=" + NumberText(f.block) +
         " type=" + ElementName(f.type) + " revision=" + NumberText(f.revision) +
         " groups=" + NumberText(f.groups) + " transposed=" + (f.transposed ? '1' : '0') +
         " scale=" + NumberText(f.scale);
}

std::optional<PackedFormat> ParsePackedFormat(std::string_view text) {
  WordReader words(text);
  const std::string_view name = words.Word();
  const size_t slash = name.find('/');
  if (slash == 0 || slash == name.npos || slash + 1 == name.size()) return {};
  PackedFormat f;
  f.family = name.substr(0, slash);
  f.variant = name.substr(slash + 1);
  f.block = words.Number<int64_t>("block");
  const std::optional<ElementType> type = ElementTypeNamed(words.Field("type"));
  f.revision = words.Number<int>("revision");
  f.groups = words.Number<int64_t>("groups");
  const std::string_view transposed = words.Field("transposed");
  f.transposed = transposed == "1";
  f.scale = words.Number<float>("scale");
  if (!words.ok() || !type || (transposed != "0" && transposed != "1")) return {};
  f.type = *type;
  return f;
}

PackedFormat ChannelLanesFormat() {
  return {.family = "channel", .variant = "lanes", .block = kBlock};
}

}  // namespace kinglet::kernels
