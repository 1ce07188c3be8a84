# Puts the predictors that are shipped into the command: the assembler includes each file as it is.
file(GLOB builtin_predictors CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/characterize/predict/builtin/*.json)
list(SORT builtin_predictors)
set(builtin_assembly "")
set(builtin_symbols "")
set(builtin_entries "")
foreach(path IN LISTS builtin_predictors)
  get_filename_component(name ${path} NAME_WE)
  string(MAKE_C_IDENTIFIER "kinglet_predictor_${name}" symbol)
  string(APPEND builtin_assembly "        \".balign 64\\n\"\n"
    "        \".globl ${symbol}\\n.hidden ${symbol}\\n${symbol}:\\n\"\n"
    "        \".incbin \\\"${path}\\\"\\n\"\n"
    "        \".globl ${symbol}_end\\n.hidden ${symbol}_end\\n${symbol}_end:\\n.byte 0\\n\"\n")
  string(APPEND builtin_symbols "extern const char ${symbol}[];\n"
    "extern const char ${symbol}_end[];\n")
  string(APPEND builtin_entries "    {\"${name}\", ${symbol}, ${symbol}_end},\n")
endforeach()
set(builtin_source ${PROJECT_BINARY_DIR}/generated/builtin_predictors.cc)
configure_file(${PROJECT_SOURCE_DIR}/characterize/predict/builtin_predictors.cc.in ${builtin_source}
  @ONLY)
set_source_files_properties(${builtin_source} PROPERTIES OBJECT_DEPENDS "${builtin_predictors}"
  SKIP_UNITY_BUILD_INCLUSION ON SKIP_PRECOMPILE_HEADERS ON)
target_sources(kinglet_characterize PRIVATE ${builtin_source})

# Its library is loaded by the one command that learns, and linked by nothing.
if(kinglet_xgboost)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/characterize/fit/boosting.cc PROPERTIES
    COMPILE_DEFINITIONS "KINGLET_XGBOOST_LIBRARY=\"${kinglet_xgboost}\""
    SKIP_UNITY_BUILD_INCLUSION ON SKIP_PRECOMPILE_HEADERS ON)
  target_link_libraries(kinglet_characterize PRIVATE ${CMAKE_DL_LIBS})
endif()

if(kinglet_pfm)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/characterize/counters/hardware.cc PROPERTIES
    COMPILE_DEFINITIONS KINGLET_PFM)
endif()
