cmake_minimum_required(VERSION 3.25)
project(@NAME@ LANGUAGES C)
find_package(askd REQUIRED) # -DCMAKE_PREFIX_PATH=... where askd is installed elsewhere

# Builds plugins/@KIND@/@NAME@.so; further libraries go behind LIBS.
askd_plugin(@KIND@ @NAME@ SOURCES @NAME@.c)
