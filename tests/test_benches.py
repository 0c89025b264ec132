"""Runs the VUnit benches of the elements in GHDL: every ``benches/*_tb.vhd`` with its cases.

``pytest tests/test_benches.py -k window`` runs the benches of one entity;
``python tests/test_benches.py [VUnit's arguments]`` gives VUnit's own command line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from vunit import VUnit

ROOT = Path(__file__).resolve().parent.parent
ELEMENTS = ROOT / "rtl" / "vhdl"
BENCHES = ROOT / "tests" / "benches"
TEST_BENCHES = sorted(BENCHES.glob("*_tb.vhd"))

sys.path[:0] = [str(BENCHES), str(ROOT)]
from harness import Case, cases_of  # noqa: E402


def project(arguments: Sequence[str], benches: Sequence[Path] = TEST_BENCHES) -> VUnit:
    """Return the VUnit project of all elements and of ``benches`` with their cases."""
    vunit = VUnit.from_argv([*arguments], compile_builtins=False)
    vunit.add_vhdl_builtins()
    library = vunit.add_library("millrace")
    helpers = [path for path in BENCHES.glob("*.vhd") if path not in TEST_BENCHES]
    for path in sorted([*ELEMENTS.glob("*.vhd"), *helpers, *benches]):
        library.add_source_file(path, vhdl_standard="2008")
    for path in benches:
        bench = library.test_bench(path.stem)
        for case in cases_of(path):
            bench.add_config(
                name=case.name,
                generics=dict(case.generics),
                pre_config=_writer(case),
                post_check=None if case.check is None else _checker(case),
            )
    # Constant tables are built on the stack.
    vunit.set_sim_option("ghdl.sim_flags", ["--max-stack-alloc=0"])
    return vunit


def _writer(case: Case):  # type: ignore[no-untyped-def]
    def write(output_path: str) -> bool:
        case.write(Path(output_path))
        return True

    return write


def _checker(case: Case):  # type: ignore[no-untyped-def]
    def check(output_path: str) -> bool:
        assert case.check is not None
        return case.check(Path(output_path))

    return check


def test_every_entity_has_a_bench() -> None:
    entities = {path.stem for path in ELEMENTS.glob("*.vhd") if not path.stem.endswith("_pkg")}
    assert entities == {path.stem.removesuffix("_tb") for path in TEST_BENCHES}


@pytest.fixture(scope="session")
def output_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled libraries, shared by all benches of a session."""
    return tmp_path_factory.mktemp("vunit")


@pytest.mark.parametrize("bench", TEST_BENCHES, ids=lambda path: path.stem)
def test_bench(bench: Path, output_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cases_of(bench), f"{bench.stem} has no cases"
    vunit = project(["--output-path", str(output_path), "--no-color", "--minimal", "-p2"], [bench])
    with pytest.raises(SystemExit) as stop:
        vunit.main()
    assert stop.value.code == 0, capfd.readouterr().out


if __name__ == "__main__":
    project(sys.argv[1:]).main()
