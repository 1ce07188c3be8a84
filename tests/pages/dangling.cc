// Mistakes that clang finds; each CASE must not compile with -Werror=dangling.
#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "kinglet/pipeline.h"

int Mistake(const kinglet::Model& model, const kinglet::Tensors& inputs) {
  int count = 0;
#if CASE == 0  // none
  kinglet::Session session = model.NewSession();
  for (const auto& output : session.Run(inputs)) count += output.second.defined() ? 1 : 0;
  for (const kinglet::Detection& d : kinglet::Detector("a.onnx").Detect("b.jpg")) {
    count += static_cast<int>(d.index);
  }
#elif CASE == 1
  for (const auto& output : model.NewSession().Run(inputs))
    count += output.second.defined() ? 1 : 0;
#elif CASE == 2
  const kinglet::Tensors& outputs = model.NewSession().Run(inputs);
  count += static_cast<int>(outputs.size());
#elif CASE == 3
  (void)model, (void)inputs;
  for (const std::string& label : kinglet::Classifier("a.onnx").labels()) count += label.empty();
#elif CASE == 4
  const kinglet::Descriptor& descriptor = kinglet::Detector("a.onnx").descriptor();
  count += descriptor.preprocess.width;
#endif
  return count;
}
