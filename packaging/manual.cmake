# cmake -D TEMPLATE= -D OUT= -D VERSION= -D "RUN=program;arguments" -P manual.cmake: a page of the manual, with
# what the program prints in the place of @TEXT@.
file(READ ${TEMPLATE} page)
set(TEXT "")
if(RUN)
  execute_process(COMMAND ${RUN} OUTPUT_VARIABLE TEXT RESULT_VARIABLE status
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${RUN} ended with ${status}")
  endif()
endif()
foreach(name VERSION TEXT)
  string(REPLACE "@${name}@" "${${name}}" page "${page}")
endforeach()
file(WRITE ${OUT} "${page}")
