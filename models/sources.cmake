# Puts descriptors, class names and the demo network into the library: the assembler includes each
# file as it is.
file(GLOB embedded_files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/models
  ${PROJECT_SOURCE_DIR}/models/*.json ${PROJECT_SOURCE_DIR}/models/labels/*.txt
  ${PROJECT_SOURCE_DIR}/models/demo/*.onnx ${PROJECT_SOURCE_DIR}/models/demo/labels.txt
  ${PROJECT_SOURCE_DIR}/models/demo_detector/*.onnx)
list(SORT embedded_files)

set(embedded_assembly "")
set(embedded_symbols "")
set(embedded_entries "")
set(embedded_depends "")
foreach(file IN LISTS embedded_files)
  string(MAKE_C_IDENTIFIER "kinglet_embedded_${file}" symbol)
  set(path ${PROJECT_SOURCE_DIR}/models/${file})
  string(APPEND embedded_assembly "        \".balign 64\\n\"\n"
    "        \".globl ${symbol}\\n.hidden ${symbol}\\n${symbol}:\\n\"\n"
    "        \".incbin \\\"${path}\\\"\\n\"\n"
    "        \".globl ${symbol}_end\\n.hidden ${symbol}_end\\n${symbol}_end:\\n.byte 0\\n\"\n")
  string(APPEND embedded_symbols "extern const unsigned char ${symbol}[];\n"
    "extern const unsigned char ${symbol}_end[];\n")
  string(APPEND embedded_entries "    {\"${file}\", ${symbol}, ${symbol}_end},\n")
  list(APPEND embedded_depends ${path})
endforeach()

set(embedded_source ${PROJECT_BINARY_DIR}/generated/embedded_files.cc)
configure_file(${PROJECT_SOURCE_DIR}/models/descriptor/embedded_files.cc.in ${embedded_source} @ONLY)
set_source_files_properties(${embedded_source} PROPERTIES OBJECT_DEPENDS "${embedded_depends}")
target_sources(kinglet_models PRIVATE ${embedded_source})

# A box has four numbers, wherever it is read.
kinglet_alone(${PROJECT_SOURCE_DIR}/models/fit/finished_form.cc
  ${PROJECT_SOURCE_DIR}/models/fit/head_form.cc ${PROJECT_SOURCE_DIR}/models/postprocess/detect.cc
  ${PROJECT_SOURCE_DIR}/models/postprocess/finished.cc
  ${PROJECT_SOURCE_DIR}/models/postprocess/head_*.cc)
