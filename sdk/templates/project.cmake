cmake_minimum_required(VERSION 3.25)
project(template_name LANGUAGES C)
find_package(askd REQUIRED) # -DCMAKE_PREFIX_PATH=... where askd is installed elsewhere

# Builds plugins/template_kind/template_name.so; further libraries go behind LIBS.
askd_plugin(template_kind template_name SOURCES template_name.c)
