"""docs/configuration.md says what the tables of options say today."""

import subprocess

from conftest import BUILD, TREE


def test_reference_is_what_the_tables_print():
    now = subprocess.run([str(BUILD / "docs/askd_reference"), str(BUILD / "plugins")],
                         capture_output=True, text=True, check=True).stdout
    assert (TREE / "docs/configuration.md").read_text() == now, \
        "a table of options was changed: ./dev docs writes the page anew"
