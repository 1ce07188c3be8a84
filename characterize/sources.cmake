if(kinglet_pfm)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/characterize/counters/hardware.cc PROPERTIES
    COMPILE_DEFINITIONS KINGLET_PFM)
endif()
