# Files about a machine are of use to the version that wrote them.
set_source_files_properties(${PROJECT_SOURCE_DIR}/engine/runtime/machine.cc PROPERTIES
  COMPILE_DEFINITIONS KINGLET_VERSION="${PROJECT_VERSION}")

# As in kernels/sources.cmake: products that are rounded before something is added to them.
set_source_files_properties(${PROJECT_SOURCE_DIR}/engine/ops/qlinear_pool.cc PROPERTIES
  COMPILE_OPTIONS "-ffp-contract=off")

# Operators on codes call their inputs alike.
set(ops ${PROJECT_SOURCE_DIR}/engine/ops)
kinglet_alone(${ops}/qlinear_*.cc ${ops}/integer_*.cc ${ops}/quantize*.cc ${ops}/dynamic_quantize*.cc
  ${ops}/deform_conv.cc)
