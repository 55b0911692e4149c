# askd_plugin(KIND NAME SOURCES a.c ... [LIBS target ...] [INCLUDES folder ...]
#             [DEFINES name=value ...] [OUTPUT folder])
#
# Builds the plugin KIND/NAME into ${CMAKE_BINARY_DIR}/plugins/KIND/NAME.so, or below OUTPUT (a
# folder under ${CMAKE_BINARY_DIR}) instead of "plugins"; in "plugins" it is installed into
# lib/askd/plugins/KIND as well. The target is plugin-KIND-NAME. A test
# checks that the file exports askd_plugin_v1 and nothing else. The same function serves askd's own
# tree and, installed, authors elsewhere.
function(askd_plugin kind name)
  cmake_parse_arguments(PARSE_ARGV 2 P "" "OUTPUT" "SOURCES;LIBS;INCLUDES;DEFINES")
  if(NOT P_SOURCES)
    message(FATAL_ERROR "askd_plugin(${kind} ${name}): no SOURCES")
  endif()
  if(P_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "askd_plugin(${kind} ${name}): what is ${P_UNPARSED_ARGUMENTS}?")
  endif()
  if(NOT P_OUTPUT)
    set(P_OUTPUT plugins)
  endif()
  set(target plugin-${kind}-${name})
  add_library(${target} MODULE ${P_SOURCES})
  target_link_libraries(${target} PRIVATE askd::sdk ${P_LIBS})
  target_include_directories(${target} PRIVATE ${P_INCLUDES})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE ${P_DEFINES})
  # The loader finds every symbol at once, or the build fails. A sanitizer's own symbols come from
  # the program that loads the plugin.
  if(NOT ASKD_SANITIZE AND NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize")
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  target_link_options(${target} PRIVATE -Wl,-z,now -Wl,--build-id)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 17 CXX_STANDARD 17 C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON PREFIX "" SUFFIX ".so"
    OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${P_OUTPUT}/${kind})
  if(P_OUTPUT STREQUAL plugins)
    include(GNUInstallDirs)
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/askd/plugins/${kind})
  endif()
  add_test(NAME exports/${kind}/${name} COMMAND ${CMAKE_COMMAND} -D NM=${CMAKE_NM}
    -D FILE=$<TARGET_FILE:${target}> -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/AskdExports.cmake)
endfunction()
