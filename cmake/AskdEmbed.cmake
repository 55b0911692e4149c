# cmake -DTREE=. -DOUT=bundled_data.c -P AskdEmbed.cmake: config/defaults.yaml, config/prompts/*.md,
# config/examples/* and sdk/templates/* as byte arrays, and the table that config/bundled.h looks them up in.
file(GLOB files ${TREE}/config/defaults.yaml ${TREE}/config/prompts/*.md
     ${TREE}/config/examples/* ${TREE}/sdk/templates/*)
list(SORT files)
set(arrays "")
set(table "")
set(index 0)
foreach(file IN LISTS files)
  string(REGEX REPLACE "^${TREE}/(config|sdk)/" "" name ${file})
  file(READ ${file} hex HEX)
  string(LENGTH "${hex}" length)
  math(EXPR size "${length} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char file_${index}[] = {\n${bytes}0x00};\n")
  string(APPEND table "\t{\"${name}\", (const char *)file_${index}, ${size}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUT} "/* Made by AskdEmbed.cmake. */
#include \"config/bundled.h\"

${arrays}
const struct config_bundled_file config_bundled_files[] = {
${table}\t{0, 0, 0}};
")
