# cmake -D NM=nm -D FILE=plugin.so -P AskdExports.cmake: fails unless the file exports the one symbol
# of a plugin and asks the program that loads it for nothing of askd.
foreach(direction defined undefined)
  execute_process(COMMAND ${NM} -D --${direction}-only ${FILE}
    OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${NM} cannot read ${FILE}")
  endif()
  string(REGEX REPLACE "[^\n]* ([^ \n]+)\n" "\\1;" symbols "${symbols}")
  list(TRANSFORM symbols REPLACE "@.*" "")
  # AddressSanitizer puts a shadow of each exported variable beside it.
  list(FILTER symbols EXCLUDE REGEX "^__odr_asan|^$")
  if(direction STREQUAL "defined" AND NOT symbols STREQUAL "askd_plugin_v1")
    message(FATAL_ERROR "${FILE} exports \"${symbols}\", only askd_plugin_v1 is due")
  endif()
  list(FILTER symbols INCLUDE REGEX "^askd_")
  if(direction STREQUAL "undefined" AND symbols)
    message(FATAL_ERROR "${FILE} asks the host for the symbols \"${symbols}\"")
  endif()
endforeach()
