# The compiler flags of the whole tree: C17 with GNU extensions, warnings as errors, hardening.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_compile_definitions($<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
add_compile_options(-Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wundef -Werror
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  $<$<COMPILE_LANGUAGE:C>:-Wwrite-strings>
  -fstack-protector-strong -fno-omit-frame-pointer)
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
if(ASKD_SANITIZE)
  add_compile_options(-fsanitize=${ASKD_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ASKD_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(ASKD_FAULTS)
  add_compile_definitions(ASKD_FAULTS)
endif()
if(ASKD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
