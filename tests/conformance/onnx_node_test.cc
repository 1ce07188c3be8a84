// ONNX's own node test cases through the reader and the engine.
//
// Each case is a folder with model.onnx and test_data_set_*/{input,output}_*.pb. A case of the
// default domain whose inputs and outputs are tensors of types that the engine has must pass, once
// all of its operators are in the registry; skips.txt names those that cannot, with the reason. The
// data is Debian's libonnx-testdata, and that of the onnx package of Python, or of a folder that
// KINGLET_ONNX_NODE_DATA names: write_node_cases.py writes the cases of a package that comes
// without them.
#include <fnmatch.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "converters/onnx/tensor.h"
#include "engine/graph/element_types.h"
#include "engine/graph/ir.h"
#include "engine/op/op.h"
#include "engine/ops/dispatch.h"
#include "kernels/common/half.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "tests/support/source_dir.h"

namespace kinglet::onnx_node_test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDebianData = "/usr/share/libonnx-testdata/data/node";

// As onnx compares.
constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-7;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

std::vector<Tensor> ReadTensors(const fs::path& folder, const std::string& kind) {
  std::vector<Tensor> tensors;
  for (std::size_t k = 0;; ++k) {
    const fs::path path = folder / (kind + "_" + std::to_string(k) + ".pb");
    if (!fs::exists(path)) return tensors;
    const std::string bytes = ReadFile(path);
    tensors.push_back(ReadTensorProto(std::as_bytes(std::span(bytes))));
  }
}

double ValueAt(const Tensor& tensor, std::int64_t k) {
  const auto* halves = static_cast<const std::uint16_t*>(tensor.raw());
  if (tensor.type() == DataType::kFloat16) {
    return static_cast<double>(kernels::ToFloat(kernels::Float16{halves[k]}));
  }
  if (tensor.type() == DataType::kBFloat16) {
    return static_cast<double>(kernels::ToFloat(kernels::BFloat16{halves[k]}));
  }
  return DispatchType(tensor.type(),
                      [&]<typename T>() { return static_cast<double>(tensor.data<T>()[k]); });
}

// What rounding to the type changes, at most, relative to the value; 0 of integers.
double RoundingOf(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return 0x1p-24;
    case DataType::kFloat16:
      return 0x1p-11;
    case DataType::kBFloat16:
      return 0x1p-8;
    default:
      return 0;
  }
}

double LargestOf(const Tensor& tensor) {
  double largest = 0;
  for (std::int64_t k = 0; k < tensor.size(); ++k) {
    const double magnitude = std::abs(ValueAt(tensor, k));
    if (std::isfinite(magnitude)) largest = std::max(largest, magnitude);
  }
  return largest;
}

// Empty when they agree. Integers below 2^53 compare exactly as doubles.
std::string Difference(const Tensor& expected, const Tensor& found) {
  if (expected.type() != found.type() || expected.shape() != found.shape()) {
    return std::string("expected ") + DataTypeName(expected.type()) + " " +
           ShapeToString(expected.shape()) + ", found " + DataTypeName(found.type()) + " " +
           ShapeToString(found.shape());
  }
  const bool exact =
      expected.type() != DataType::kFloat32 && expected.type() != DataType::kFloat64 &&
      expected.type() != DataType::kFloat16 && expected.type() != DataType::kBFloat16;
  // A difference of one unit in the last place is more than 1e-3 in eight bits, and the data rounds
  // what lies between inputs and outputs as well.
  const double relative = expected.type() == DataType::kBFloat16 ? 0x1p-6 : kRelative;
  // What cancels to almost nothing (a Fourier transform there and back) holds the rounding of large
  // values.
  const double absolute =
      exact ? 0 : std::max(kAbsolute, RoundingOf(expected.type()) * LargestOf(expected));
  for (std::int64_t k = 0; k < expected.size(); ++k) {
    const double a = ValueAt(expected, k);
    const double b = ValueAt(found, k);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (exact || !(std::abs(a - b) <= absolute + relative * std::abs(a))) {
      std::ostringstream text;
      text << "element " << k << ": expected " << a << ", found " << b;
      return text.str();
    }
  }
  return {};
}

// The test data stores bfloat16 as uint16; `declared` says what is meant.
Tensor AsDeclared(const Tensor& tensor, DataType declared) {
  if (tensor.type() != DataType::kUInt16 || declared != DataType::kBFloat16) return tensor;
  auto owner = std::make_shared<Tensor>(tensor);
  return Tensor::Wrap(declared, tensor.shape(), tensor.raw(), tensor.bytes(), owner);
}

// Field numbers of onnx.proto.
constexpr protozero::pbf_tag_type kModelGraph = 7, kModelOpset = 8, kModelFunction = 25,
                                  kFunctionName = 1, kGraphNode = 1, kGraphInput = 11,
                                  kGraphOutput = 12, kNodeOp = 4, kNodeDomain = 7, kInfoType = 2,
                                  kTypeTensor = 1, kTensorElement = 1, kOpsetDomain = 1,
                                  kOpsetVersion = 2;

std::pair<std::string, std::int64_t> ReadOpset(protozero::pbf_reader opset) {
  std::pair<std::string, std::int64_t> result;
  while (opset.next()) {
    if (opset.tag() == kOpsetDomain) {
      result.first = opset.get_string();
    } else if (opset.tag() == kOpsetVersion) {
      result.second = opset.get_int64();
    } else {
      opset.skip();
    }
  }
  return result;
}

// What a case is made of, seen without the reader, so that what it refuses is not passed over.
struct CaseFacts {
  std::set<std::string> missing;  // operators that the registry does not have
  bool other_domain = false;      // of operators
  bool other_types = false;  // of inputs or outputs: no tensors, or elements that there are not
  int since = kMinOpset;     // the first version that all of its operators are known in
};

bool IsKnownType(protozero::pbf_reader type) {
  if (!type.next() || type.tag() != kTypeTensor) return false;
  for (protozero::pbf_reader tensor = type.get_message(); tensor.next();) {
    if (tensor.tag() != kTensorElement) {
      tensor.skip();
      continue;
    }
    const OnnxElementType* element = FindElementType(tensor.get_int32());
    return element != nullptr && element->type != DataType::kUndefined &&
           element->type != DataType::kString;
  }
  return false;
}

void LookAtNode(protozero::pbf_reader node, const std::set<std::string>& functions,
                CaseFacts& facts) {
  std::string op, domain;
  while (node.next()) {
    if (node.tag() == kNodeOp) {
      op = node.get_string();
    } else if (node.tag() == kNodeDomain) {
      domain = node.get_string();
    } else {
      node.skip();
    }
  }
  if (functions.contains(op)) return;
  if (domain == "ai.onnx") domain.clear();
  if (!domain.empty()) facts.other_domain = true;
  const OpDef* known = FindOp(domain, op);
  if (known == nullptr) {
    facts.missing.insert(op);
  } else {
    facts.since = std::max(facts.since, known->since);
  }
}

CaseFacts LookAt(const fs::path& folder) {
  const std::string bytes = ReadFile(folder / "model.onnx");
  CaseFacts facts;
  std::set<std::string> functions;
  for (protozero::pbf_reader model(bytes); model.next(kModelFunction);) {
    for (protozero::pbf_reader function = model.get_message(); function.next(kFunctionName);) {
      functions.insert(function.get_string());
    }
  }
  for (protozero::pbf_reader model(bytes); model.next(kModelGraph);) {
    for (protozero::pbf_reader graph = model.get_message(); graph.next();) {
      if (graph.tag() == kGraphNode) {
        LookAtNode(graph.get_message(), functions, facts);
      } else if (graph.tag() == kGraphInput || graph.tag() == kGraphOutput) {
        for (protozero::pbf_reader info = graph.get_message(); info.next(kInfoType);) {
          if (!IsKnownType(info.get_message())) facts.other_types = true;
        }
      } else {
        graph.skip();
      }
    }
  }
  return facts;
}

// The model's bytes, with a later version of the operators where the case imports one from before
// they settled: cases import the version in which their operator last changed, and those that did
// so long ago are the same in the first version that is known here.
std::string ModelBytes(const fs::path& folder) {
  const std::string bytes = ReadFile(folder / "model.onnx");
  const std::int64_t since = std::min(LookAt(folder).since, kFirstSettledOpset);
  std::string result;
  protozero::pbf_writer writer(result);
  for (protozero::pbf_reader model(bytes); model.next();) {
    if (model.tag() == kModelOpset) {
      const auto [domain, version] = ReadOpset(model.get_message());
      protozero::pbf_writer opset(writer, kModelOpset);
      opset.add_string(kOpsetDomain, domain);
      opset.add_int64(kOpsetVersion, domain.empty() ? std::max(version, since) : version);
    } else if (model.wire_type() == protozero::pbf_wire_type::length_delimited) {
      const auto tag = model.tag();
      writer.add_bytes(tag, model.get_view());
    } else {
      const auto tag = model.tag();
      writer.add_uint64(tag, model.get_uint64());
    }
  }
  return result;
}

// The model as the case has it, but that inputs [constant_from, ...) are constants: sizes, axes and
// the like, which the engine must know before it runs.
Graph ReadCase(const fs::path& folder, const std::vector<Tensor>& inputs,
               std::size_t constant_from) {
  const std::string bytes = ModelBytes(folder);
  Graph graph = ReadOnnxBytes(std::as_bytes(std::span(bytes)), folder.filename().string());
  GraphIr& ir = graph.ir();
  for (std::size_t k = 0; k < std::min({constant_from, inputs.size(), ir.inputs.size()}); ++k) {
    // Some data has another shape than its model declares.
    Value& value = ir.value(ir.inputs[k]);
    if (value.has_shape && value.dims.size() != inputs[k].shape().size()) {
      value.dims = inputs[k].shape();
      value.symbols.assign(value.dims.size(), "");
    }
  }
  for (std::size_t k = constant_from; k < std::min(inputs.size(), ir.inputs.size()); ++k) {
    Value& value = ir.value(ir.inputs[k]);
    value.constant = AsDeclared(inputs[k], value.type);
  }
  if (constant_from < ir.inputs.size()) ir.inputs.resize(constant_from);
  return graph;
}

std::string RunGraph(Graph graph, const std::vector<Tensor>& inputs,
                     const std::vector<Tensor>& expected, bool optimize) {
  Tensors named;
  const auto input_infos = graph.inputs();
  for (std::size_t k = 0; k < std::min(inputs.size(), input_infos.size()); ++k) {
    named[input_infos[k].name] = AsDeclared(inputs[k], input_infos[k].type);
  }
  const auto output_infos = graph.outputs();
  const Model model = Model::Compile(std::move(graph), {.threads = 1, .optimize = optimize});
  Session session = model.NewSession();
  const Tensors& outputs = session.Run(named);
  if (output_infos.size() != expected.size()) return "the number of outputs differs";
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const std::string difference =
        Difference(AsDeclared(expected[k], output_infos[k].type), outputs.at(output_infos[k].name));
    if (!difference.empty()) return "output " + std::to_string(k) + ": " + difference;
  }
  return {};
}

// Empty when the data set passes, optimised and not.
std::string RunDataSet(const fs::path& folder, const fs::path& data_set) {
  try {
    const std::vector<Tensor> inputs = ReadTensors(data_set, "input");
    const std::vector<Tensor> expected = ReadTensors(data_set, "output");
    for (const bool optimize : {true, false}) {
      std::string problem;
      // Sizes that are data: the inputs after the first become constants, then all.
      for (const std::size_t constant_from : {inputs.size(), std::size_t{1}, std::size_t{0}}) {
        try {
          problem = RunGraph(ReadCase(folder, inputs, constant_from), inputs, expected, optimize);
          break;
        } catch (const Error& error) {
          if (error.code() != ErrorCode::kUnsupported || constant_from == 0) throw;
        }
      }
      if (!problem.empty()) return problem + (optimize ? "" : " (not optimised)");
    }
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// Empty when the case passes.
std::string RunCase(const fs::path& folder) {
  bool any = false;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    any = true;
    std::string problem = RunDataSet(folder, entry.path());
    if (!problem.empty()) return problem;
  }
  return any ? "" : "no data";
}

// Lines "pattern: reason", the pattern as a shell has it; '#' begins a comment.
std::vector<std::string> ReadSkips() {
  std::vector<std::string> patterns;
  std::ifstream file(testing::SourceDir() / "tests/conformance/skips.txt");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.empty() || line[0] == '#') continue;
    EXPECT_NE(colon, std::string::npos) << "a skip without a reason: " << line;
    patterns.push_back(line.substr(0, colon));
  }
  return patterns;
}

struct Counts {
  int passed = 0, failed = 0, skipped = 0, without_operator = 0, other_domain = 0, other_types = 0;

  // Of the default domain and of types that the engine has.
  int counted() const { return passed + failed + skipped + without_operator; }
};

void Print(const fs::path& root, const Counts& counts, const std::map<std::string, int>& missing) {
  const double share = counts.counted() == 0 ? 0 : 100.0 * counts.passed / counts.counted();
  std::printf(
      "%s: of %d cases of the default domain and of types that there are, %d pass (%.1f %%), %d "
      "fail, %d are skipped, %d have operators that are not there; further %d of other domains, %d "
      "of other types\n",
      root.c_str(), counts.counted(), counts.passed, share, counts.failed, counts.skipped,
      counts.without_operator, counts.other_domain, counts.other_types);
  if (missing.empty()) return;
  std::printf("operators not there:");
  for (const auto& [op, count] : missing) std::printf(" %s (%d)", op.c_str(), count);
  std::printf("\n");
}

// `label` begins the skips that are for this data alone.
void RunFolder(const fs::path& root, const std::string& label) {
  const std::vector<std::string> skips = ReadSkips();
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (fs::exists(entry.path() / "model.onnx")) cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  ASSERT_FALSE(cases.empty()) << root;

  Counts counts;
  std::map<std::string, int> missing;
  for (const fs::path& folder : cases) {
    const std::string name = folder.filename().string();
    const CaseFacts facts = LookAt(folder);
    // Whatever else is said of it, a case may fail, but not crash.
    const std::string problem = RunCase(folder);
    const bool skip = std::any_of(skips.begin(), skips.end(), [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), name.c_str(), 0) == 0 ||
             fnmatch(pattern.c_str(), (label + "/" + name).c_str(), 0) == 0;
    });
    if (facts.other_domain) {
      ++counts.other_domain;
    } else if (facts.other_types) {
      ++counts.other_types;
    } else if (!facts.missing.empty()) {
      ++counts.without_operator;
      for (const std::string& op : facts.missing) ++missing[op];
    } else if (skip) {
      ++counts.skipped;
      EXPECT_FALSE(problem.empty()) << name << " passes; it must not be in skips.txt";
    } else if (problem.empty()) {
      ++counts.passed;
    } else {
      ++counts.failed;
      ADD_FAILURE() << name << ": " << problem;
    }
  }
  Print(root, counts, missing);
  EXPECT_GE(counts.passed, counts.counted() * 95 / 100) << "fewer than 95 % of the cases pass";
}

// The cases that the onnx package of Python brings; empty where there are none.
fs::path PackageData() {
  constexpr const char* kFind =
      "python3 -c 'import importlib.util as u; s = u.find_spec(\"onnx\"); "
      "print(s.submodule_search_locations[0] if s else \"\")' 2>/dev/null";
  std::FILE* pipe = popen(kFind, "r");
  if (pipe == nullptr) return {};
  std::string line;
  for (int c = std::fgetc(pipe); c != EOF && c != '\n'; c = std::fgetc(pipe)) {
    line.push_back(static_cast<char>(c));
  }
  pclose(pipe);
  const fs::path data = fs::path(line) / "backend/test/data/node";
  return line.empty() || !fs::exists(data) ? fs::path() : data;
}

TEST(OnnxNode, DebianCases) {
  if (!fs::exists(kDebianData)) GTEST_SKIP() << "libonnx-testdata is not installed";
  RunFolder(kDebianData, "debian");
}

TEST(OnnxNode, CasesOfTheNewestPackage) {
  const char* named = std::getenv("KINGLET_ONNX_NODE_DATA");
  const fs::path root = named != nullptr ? fs::path(named) : PackageData();
  if (root.empty() || !fs::exists(root)) {
    GTEST_SKIP() << "Python's onnx package has no test data here, and KINGLET_ONNX_NODE_DATA names "
                    "no folder (tests/conformance/write_node_cases.py writes one)";
  }
  RunFolder(root, "newest");
}

}  // namespace
}  // namespace kinglet::onnx_node_test
