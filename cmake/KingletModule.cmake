# kinglet_module(NAME [PUBLIC target...] [LINK target...] [PRECOMPILE header...]): the sources of the folder NAME as an
# object library kinglet_NAME. Headers are included as "NAME/path.h": the include root of a module
# is a folder with one link NAME to it, so a target sees exactly the modules it links.
set(KINGLET_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor)

# Several sources at once where CMAKE_UNITY_BUILD is on, as in the presets of developers: most of the
# time of a small file goes into headers and what they instantiate.
function(kinglet_join target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD_BATCH_SIZE 8)
  if(CMAKE_UNITY_BUILD)  # a source is a header then, to this warning
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# kinglet_alone(PATTERN...): files whose names (in no namespace of their own) others have too.
function(kinglet_alone)
  file(GLOB sources ${ARGN})  # relative to the current folder
  set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

function(kinglet_configure target)
  kinglet_join(${target})
  target_compile_options(${target} PRIVATE ${KINGLET_WARNINGS} $<$<BOOL:${KINGLET_WERROR}>:-Werror>)
  if(KINGLET_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${KINGLET_SANITIZE} -fno-omit-frame-pointer
      -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${KINGLET_SANITIZE})
  endif()
endfunction()

function(kinglet_root name)
  set(root ${PROJECT_BINARY_DIR}/include-roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${name} ${root}/${name} SYMBOLIC)
endfunction()

function(kinglet_public target folder)
  add_library(${target} INTERFACE)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/${folder}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

function(kinglet_module name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;LINK;PRECOMPILE" ${ARGN})
  kinglet_root(${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cc)
  add_library(kinglet_${name} OBJECT ${sources})
  target_include_directories(kinglet_${name} PUBLIC ${PROJECT_BINARY_DIR}/include-roots/${name})
  target_link_libraries(kinglet_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_LINK})
  target_precompile_headers(kinglet_${name} PRIVATE ${ARG_PRECOMPILE})
  kinglet_configure(kinglet_${name})
  if(EXISTS ${PROJECT_SOURCE_DIR}/${name}/sources.cmake)
    include(${PROJECT_SOURCE_DIR}/${name}/sources.cmake)  # per-file flags, generated sources
  endif()
  foreach(source IN LISTS sources)  # headers are compiled with the flags of all
    get_source_file_property(options ${source} COMPILE_OPTIONS)
    if(options)
      set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

# kinglet_use_objects(TARGET NAME): the module NAME, which is no part of the archive, as the program
# TARGET has it: its objects without what they link, which the archive brings.
function(kinglet_use_objects target name)
  target_include_directories(${target} PUBLIC ${PROJECT_BINARY_DIR}/include-roots/${name})
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:kinglet_${name}>)
endfunction()
