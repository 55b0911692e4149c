# The packages askd and askd-dev: ./dev package.
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL askd askd-dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_SET_DESTDIR ON) # /etc lies outside of the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
set(CPACK_PACKAGE_NAME askd)
set(CPACK_PACKAGE_VENDOR askd)
set(CPACK_PACKAGE_CONTACT "the askd maintainers <maintainers@askd.invalid>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(scripts ${CMAKE_CURRENT_LIST_DIR})
set(CPACK_DEBIAN_ASKD_PACKAGE_NAME askd)
set(CPACK_DEBIAN_ASKD_PACKAGE_SECTION database)
set(CPACK_DEBIAN_ASKD_DESCRIPTION "answers questions from your own databases, in words
askd lets a language model of your choice write one SQL statement for a
question, checks that it only reads, runs it on a connection that cannot
write, and replies with the answer, the rows, the statement and its cost.
.
This package holds the daemon, its plugins, and a maker of sample data.")
# Makes the user of the service where systemd-sysusers is not there.
set(CPACK_DEBIAN_ASKD_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_ASKD_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_ASKD_PACKAGE_SUGGESTS "logrotate, nginx | caddy | httpd")
set(CPACK_DEBIAN_ASKD_PACKAGE_CONTROL_EXTRA
  "${scripts}/postinst;${scripts}/prerm;${scripts}/postrm;${scripts}/conffiles")
set(CPACK_DEBIAN_ASKD-DEV_PACKAGE_NAME askd-dev)
set(CPACK_DEBIAN_ASKD-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_ASKD-DEV_DESCRIPTION "headers and CMake package for plugins of askd
With this package a plugin of askd is written, built and tested: the headers
of the contract, askd_plugin() for CMake, and a stub host for unit tests.")
set(CPACK_DEBIAN_ASKD-DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_ASKD-DEV_PACKAGE_RECOMMENDS "cmake, gcc | c-compiler, pkg-config")
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/cpack.cmake)
include(CPack)
