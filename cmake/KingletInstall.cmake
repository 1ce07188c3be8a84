# What `cmake --install` puts where: one archive, the public headers under kinglet/, a CMake package
# and a pkg-config file.
include(CMakePackageConfigHelpers)

install(TARGETS kinglet kinglet_api kinglet_converters_api kinglet_vision_api kinglet_models_api
  EXPORT KingletTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder engine converters vision models)
  install(DIRECTORY ${folder}/include/kinglet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h")
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Kinglet)
install(EXPORT KingletTargets NAMESPACE Kinglet:: DESTINATION ${package_dir})
configure_package_config_file(cmake/KingletConfig.cmake.in
  ${PROJECT_BINARY_DIR}/KingletConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/KingletConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/KingletConfig.cmake
  ${PROJECT_BINARY_DIR}/KingletConfigVersion.cmake cmake/FindOpenBLASSerial.cmake
  cmake/FindLibWebP.cmake DESTINATION ${package_dir})

# pkg-config: the archive and what it needs at link time, by full name where it has one folder only.
file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(openblas "")
if(TARGET OpenBLAS::Serial)
  get_target_property(openblas OpenBLAS::Serial IMPORTED_LOCATION)
endif()
set(pc_webp "")
if(kinglet_webp)
  set(pc_webp " -lwebp")
endif()
configure_file(cmake/kinglet.pc.in ${PROJECT_BINARY_DIR}/kinglet.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/kinglet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES LICENSE THIRD_PARTY_NOTICES DESTINATION ${CMAKE_INSTALL_DOCDIR})
