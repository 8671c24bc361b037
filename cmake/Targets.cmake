# How targets are declared here. DEPS are explicit: what a target does not name
# it cannot include.

# restaurant_library(<name> SOURCES ... [DEPS ...])
function(restaurant_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE project_options)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# restaurant_service(<name> SOURCES ... DEPS ... MIGRATIONS ...)
#
# The executable bin/<name>, with the platform's and its own migrations inside.
# Target: <name>_service.
function(restaurant_service name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;MIGRATIONS" ${ARGN})
  restaurant_migrations(${name}_migrations NAMESPACE ${name} SOURCES ${ARG_MIGRATIONS})
  add_executable(${name}_service ${ARG_SOURCES})
  set_target_properties(${name}_service PROPERTIES OUTPUT_NAME ${name})
  target_link_libraries(${name}_service PRIVATE
    project_options ${name}_migrations ${ARG_DEPS})
endfunction()

# restaurant_migrations(<name> NAMESPACE <ns> SOURCES V101__x.sql ... grants.sql)
#
# A library that holds the platform's migrations followed by the given ones, as
# `absl::Span<const platform::pg::Migration> <ns>::Migrations()`, and likewise
# what the runtime role may do (grants.sql) as `<ns>::Grants()`, declared in
# "<ns>/migrations/migrations.h" (generated).
function(restaurant_migrations name)
  cmake_parse_arguments(ARG "" "NAMESPACE" "SOURCES" ${ARGN})
  file(GLOB platform_sql CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/platform/events/migrations/*.sql)
  set(sql ${platform_sql})
  foreach(file IN LISTS ARG_SOURCES)
    list(APPEND sql ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
  set(out ${CMAKE_BINARY_DIR}/generated/${ARG_NAMESPACE}/migrations)
  add_custom_command(
    OUTPUT ${out}/migrations.cc ${out}/migrations.h
    COMMAND ${CMAKE_COMMAND} -DNAMESPACE=${ARG_NAMESPACE} -DOUT=${out}
            "-DSQL=${sql}" -P ${PROJECT_SOURCE_DIR}/cmake/EmbedMigrations.cmake
    DEPENDS ${sql} ${PROJECT_SOURCE_DIR}/cmake/EmbedMigrations.cmake
    COMMENT "Embedding migrations of ${ARG_NAMESPACE}"
    VERBATIM)
  add_library(${name} STATIC ${out}/migrations.cc)
  target_include_directories(${name} PUBLIC ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${name} PUBLIC platform_pg)
endfunction()

# restaurant_proto(<name> PROTOS restaurant/x/v1/a.proto ... [DEPS ...] [GRPC])
#
# Generated messages (and with GRPC the services) of one package.
function(restaurant_proto name)
  cmake_parse_arguments(ARG "GRPC" "" "PROTOS;DEPS" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/generated)
  set(root ${PROJECT_SOURCE_DIR}/proto)
  set(sources)
  foreach(proto IN LISTS ARG_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(generated ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(flags --cpp_out=${out})
    if(ARG_GRPC AND stem MATCHES "_service$|health$|reflection$")
      list(APPEND generated ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      list(APPEND flags --grpc_out=${out}
        --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
      # Compiled together. Not more of them: all messages' files have the same
      # names inside.
      string(MAKE_C_IDENTIFIER ${stem} group)
      set_source_files_properties(${generated} PROPERTIES UNITY_GROUP ${group})
    endif()
    add_custom_command(
      OUTPUT ${generated}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
      COMMAND protobuf::protoc -I${root} ${flags} ${proto}
      DEPENDS ${root}/${proto}
      WORKING_DIRECTORY ${root}
      COMMENT "Generating ${proto}"
      VERBATIM)
    list(APPEND sources ${generated})
  endforeach()
  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES UNITY_BUILD_MODE GROUP)
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf ${ARG_DEPS})
  if(ARG_GRPC)
    target_link_libraries(${name} PUBLIC gRPC::grpc++)
  endif()
endfunction()

# Only what is tested, or measured, has to be fast. This halves the time to compile
# a test with sanitizers, and saves a fifth without.
set(test_optimization -O0)

# restaurant_test_library(<name> SOURCES ... [DEPS ...])
#
# What several test programs share, and no benchmark: the linker takes its copies of
# inline functions for all of the program.
function(restaurant_test_library name)
  restaurant_library(${name} ${ARGN})
  target_compile_options(${name} PRIVATE ${test_optimization})
endfunction()

# restaurant_test(<name> LABEL unit|integration|contract|e2e SOURCES ... [DEPS ...])
#
# A program and the test that runs it. The target <label>_tests builds those of a
# kind. A test that runs programs says so by add_dependencies().
function(restaurant_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPS" ${ARGN})
  test_program(${name} ${ARG_LABEL} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS})
  test_run(${name} ${name} ${ARG_LABEL})
endfunction()

# restaurant_tests(<area> LABEL unit|integration|contract|e2e SOURCES ... [DEPS ...])
#
# What needs the same things is one program, <area>_<label>_tests, its sources
# compiled together: most of a test's time to compile is headers. Each of its
# a_test.cc is a test of its own, <area>_a_test: a process that runs the suites of
# that file.
function(restaurant_tests area)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPS" ${ARGN})
  set(program ${area}_${ARG_LABEL}_tests)
  test_program(${program} ${ARG_LABEL} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS})
  list(FILTER ARG_SOURCES INCLUDE REGEX "_test\\.cc$")
  foreach(source IN LISTS ARG_SOURCES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(STRINGS ${source} suites REGEX "^TEST(_F|_P)?\\(")
    list(TRANSFORM suites REPLACE "^TEST[_FP]*\\(([^,]+),.*$" "\\1")
    list(REMOVE_DUPLICATES suites)
    if(NOT "${suites}" MATCHES "^[A-Za-z0-9;]+$")
      message(FATAL_ERROR "${source}: no suites, or what is no suite: ${suites}")
    endif()
    # The second: what INSTANTIATE_TEST_SUITE_P makes of it.
    list(TRANSFORM suites REPLACE "(.+)" "\\1.*:*/\\1.*")
    list(JOIN suites ":" filter)
    string(REGEX REPLACE "^(${area}_)?(.*)\\.cc$" "\\2" stem ${source})
    test_run(${area}_${stem} ${program} ${ARG_LABEL} --gtest_filter=${filter})
  endforeach()
endfunction()

function(test_program name label)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE project_options ${ARG_DEPS}
    GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    SOURCE_DIR="${PROJECT_SOURCE_DIR}" BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_compile_options(${name} PRIVATE ${test_optimization})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(NOT TARGET ${label}_tests)
    add_custom_target(${label}_tests)
  endif()
  add_dependencies(${label}_tests ${name})
endfunction()

# scripts/results finds a test's report by the test's name.
function(test_run name program label)
  add_test(NAME ${name}
    COMMAND ${program} --gtest_output=xml:${CMAKE_BINARY_DIR}/results/${name}.xml ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 300)
  if(label STREQUAL "e2e")
    whole_system(${name} 600)
  endif()
endfunction()

# whole_system(<test> <timeout in seconds>)
#
# The test starts a whole system, which has a range of ports to itself. Such tests
# begin first: most take long.
function(whole_system test timeout)
  get_property(before GLOBAL PROPERTY whole_systems)
  list(LENGTH before number)
  # Above these choose tests that start no system (tests/support/process.cc).
  if(number GREATER_EQUAL 20)
    message(FATAL_ERROR "${test}: there are no ports left for a whole system")
  endif()
  set_property(GLOBAL APPEND PROPERTY whole_systems ${test})
  math(EXPR first "10000 + ${number} * 800")
  math(EXPR last "${first} + 799")
  set_tests_properties(${test} PROPERTIES TIMEOUT ${timeout} COST 1000
    ENVIRONMENT "AUTO_PORTS=${first}-${last}")
endfunction()

# Tests that need much of the machine, or much of the time: one of them at a time,
# and before all others.
function(heavy_tests)
  set_tests_properties(${ARGN} PROPERTIES RESOURCE_LOCK processors COST 2000)
endfunction()
