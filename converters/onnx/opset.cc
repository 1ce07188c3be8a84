#include "converters/onnx/opset.h"

#include <limits>
#include <string>

#include "converters/onnx/schema.h"
#include "converters/onnx/wire.h"
#include "engine/graph/fusion.h"
#include "engine/op/op.h"

namespace kinglet::converters {
namespace {

// https://github.com/onnx/onnx/blob/main/docs/Versioning.md
constexpr std::int64_t kMaxIrVersion = 14;
// A number that is newer by more than this is no version but damage.
constexpr std::int64_t kPlausiblyNewer = 100;

}  // namespace

void CheckIrVersion(std::int64_t version, Context& context, const Place& place) {
  if (version == 0) Invalid(place, "has no IR version: the file is no ONNX model");
  if (version < 0) Invalid(place, "has the IR version " + std::to_string(version));
  if (version > kMaxIrVersion + kPlausiblyNewer) {
    Unsupported(place, "has IR version " + std::to_string(version) + "; known are 1 to " +
                           std::to_string(kMaxIrVersion));
  }
  if (version > kMaxIrVersion) {
    context.Note("IR version " + std::to_string(version) + " is newer than " +
                 std::to_string(kMaxIrVersion) +
                 ", the newest that is known here: what came with it is not seen");
  }
}

void ReadOpsetImport(std::string_view proto, Opsets& opsets, Context& context, const Place& place) {
  std::string_view domain;
  std::int64_t version = 0;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kOpsetDomain) domain = NormalDomain(reader.Bytes());
    if (reader.field() == kOpsetVersion) version = reader.Int();
  }
  if (version < (domain.empty() ? kMinOpset : 0) || version > std::numeric_limits<int>::max()) {
    Invalid(place, "imports version " + std::to_string(version) + " of " +
                       (domain.empty() ? "ONNX's operators" : "the domain " + Quoted(domain)));
  }
  if (domain.empty() && version > kMaxOpset + kPlausiblyNewer) {
    Unsupported(place, "imports operator set " + std::to_string(version) + " of ONNX; known are " +
                           std::to_string(kMinOpset) + " to " + std::to_string(kMaxOpset));
  }
  if (domain.empty() && version > kMaxOpset) {
    context.Note("operator set " + std::to_string(version) + " is newer than " +
                 std::to_string(kMaxOpset) +
                 ", the newest that is known here: operators run as they are in that");
  }
  if (domain == kKingletDomain && version != kKingletOpset) {
    Unsupported(place, "holds operators of version " + std::to_string(version) +
                           " of Kinglet's own domain, this is version " +
                           std::to_string(kKingletOpset) +
                           "; optimise the model that it was made from again");
  }
  context.ChargeValues(1, place);
  const auto [it, added] = opsets.emplace(context.Name(domain, place), static_cast<int>(version));
  if (!added && it->second != version) {
    Invalid(place,
            "imports two versions of the domain " + Quoted(domain.empty() ? "ai.onnx" : domain));
  }
}

}  // namespace kinglet::converters
