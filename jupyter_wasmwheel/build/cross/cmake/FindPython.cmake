# Finds the headers of the target's Python, and the interpreter of the build.
# CMake's own module, which this one calls, wants both to be of one Python.

set(_components ${${CMAKE_FIND_PACKAGE_NAME}_FIND_COMPONENTS})
if(NOT _components MATCHES "Development")
  include("${CMAKE_ROOT}/Modules/Find${CMAKE_FIND_PACKAGE_NAME}.cmake")
  return()
endif()

# Without the library, which no module links.
list(REMOVE_ITEM _components Interpreter)
list(TRANSFORM _components REPLACE "^Development(\\.Embed)?$" "Development.Module")
list(REMOVE_DUPLICATES _components)
set(${CMAKE_FIND_PACKAGE_NAME}_FIND_COMPONENTS ${_components})
set(${CMAKE_FIND_PACKAGE_NAME}_INCLUDE_DIR "$ENV{WASMWHEEL_PYTHON_HEADERS}")
include("${CMAKE_ROOT}/Modules/Find${CMAKE_FIND_PACKAGE_NAME}.cmake")

find_program(${CMAKE_FIND_PACKAGE_NAME}_EXECUTABLE NAMES python3 python REQUIRED)
set(${CMAKE_FIND_PACKAGE_NAME}_Interpreter_FOUND TRUE)
set(${CMAKE_FIND_PACKAGE_NAME}_Development_FOUND TRUE)
set(${CMAKE_FIND_PACKAGE_NAME}_INTERPRETER_ID Python)
if(NOT TARGET ${CMAKE_FIND_PACKAGE_NAME}::Interpreter)
  add_executable(${CMAKE_FIND_PACKAGE_NAME}::Interpreter IMPORTED)
  set_target_properties(
    ${CMAKE_FIND_PACKAGE_NAME}::Interpreter
    PROPERTIES IMPORTED_LOCATION "${${CMAKE_FIND_PACKAGE_NAME}_EXECUTABLE}")
endif()
if(TARGET ${CMAKE_FIND_PACKAGE_NAME}::Module AND NOT TARGET ${CMAKE_FIND_PACKAGE_NAME}::Python)
  add_library(${CMAKE_FIND_PACKAGE_NAME}::Python ALIAS ${CMAKE_FIND_PACKAGE_NAME}::Module)
endif()
execute_process(
  COMMAND "${${CMAKE_FIND_PACKAGE_NAME}_EXECUTABLE}" -c
          "import sysconfig; print(sysconfig.get_config_var('SOABI'))"
  OUTPUT_VARIABLE ${CMAKE_FIND_PACKAGE_NAME}_SOABI
  OUTPUT_STRIP_TRAILING_WHITESPACE)
