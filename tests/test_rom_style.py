"""Attributes tell tools what the resource model says of tables: block RAM or look-up tables."""

from __future__ import annotations

import itertools
from pathlib import Path

from ir.resources.memory import rom
from rtl.library import source
from sim.ghdl import Workspace, find_ghdl

WORDS = (2, 16, 64, 100, 512, 600, 1024, 3000, 4096, 8192)
WIDTHS = (1, 8, 9, 18, 32, 40, 72, 300)


def test_the_package_and_the_resource_model_agree(tmp_path: Path) -> None:
    tables = itertools.product(WORDS, WIDTHS)
    styles = [
        (words, width, "block" if rom(words, width).bram18 else "distributed")
        for words, width in tables
    ]
    assert {style for *_, style in styles} == {"block", "distributed"}
    asserts = "".join(
        f'    assert work.millrace_pkg.rom_style_of({words}, {width}) = "{style}"\n'
        f'      report "{words} words of {width} bits must be {style}" severity failure;\n'
        for words, width, style in styles
    )
    bench = tmp_path / "bench.vhd"
    bench.write_text(
        "entity bench is end entity;\n"
        f"architecture all_tables of bench is\nbegin\n  process begin\n{asserts}    wait;\n"
        "  end process;\nend architecture;\n"
    )
    workspace = Workspace(tmp_path, find_ghdl())
    workspace.start_from([("millrace_pkg.vhd", source("millrace_pkg"))])
    workspace.analyze([bench], tmp_path)
    run = workspace.simulate("bench", tmp_path, 60)
    assert run.status == 0, run.output
