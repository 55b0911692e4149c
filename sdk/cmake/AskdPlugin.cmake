# askd_plugin(KIND NAME SOURCES a.c ... [LIBS target ...]): builds plugins/KIND/NAME.so. The same
# function serves this tree and, installed, authors elsewhere.
function(askd_plugin kind name)
  cmake_parse_arguments(PARSE_ARGV 2 P "" "" "SOURCES;LIBS;INCLUDES")
  set(target plugin-${kind}-${name})
  add_library(${target} MODULE ${P_SOURCES})
  target_link_libraries(${target} PRIVATE askd::sdk ${P_LIBS})
  target_include_directories(${target} PRIVATE ${P_INCLUDES})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  if(NOT ASKD_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs -Wl,-z,now)
  endif()
  set_target_properties(${target} PROPERTIES
    C_STANDARD 17 C_VISIBILITY_PRESET hidden PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins/${kind})
endfunction()
