# Read by cpack itself, which alone knows the version of the packages (cpack -D CPACK_PACKAGE_VERSION=).
# A plugin is built with exactly the headers of the askd that loads it.
set(CPACK_DEBIAN_ASKD-DEV_PACKAGE_DEPENDS "askd (= ${CPACK_PACKAGE_VERSION})")
# Each package has a summary of its own in the first line of its description.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
