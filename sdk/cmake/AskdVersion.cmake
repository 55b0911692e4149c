# askd_sdk_version(HEADER VARIABLE): "0.9" from the two defines in askd/askd.h, the only place where
# the version of the contract is written.
function(askd_sdk_version header variable)
  file(STRINGS ${header} lines REGEX "^#define ASKD_SDK_(MAJOR|MINOR) [0-9]+")
  string(REGEX MATCH "ASKD_SDK_MAJOR ([0-9]+)" unused "${lines}")
  set(major ${CMAKE_MATCH_1})
  string(REGEX MATCH "ASKD_SDK_MINOR ([0-9]+)" unused "${lines}")
  set(minor ${CMAKE_MATCH_1})
  if("${major}" STREQUAL "" OR "${minor}" STREQUAL "")
    message(FATAL_ERROR "${header} does not define ASKD_SDK_MAJOR and ASKD_SDK_MINOR")
  endif()
  set(${variable} ${major}.${minor} PARENT_SCOPE)
endfunction()
