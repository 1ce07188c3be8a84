# Files of the cost model are of use to the version that wrote them.
set_source_files_properties(${PROJECT_SOURCE_DIR}/engine/cost/files.cc
  ${PROJECT_SOURCE_DIR}/engine/runtime/machine.cc PROPERTIES
  COMPILE_DEFINITIONS KINGLET_VERSION="${PROJECT_VERSION}")
