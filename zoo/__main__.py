"""Lists the networks, or writes their Keras files: ``python -m zoo [NAME …] [-o FOLDER]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from zoo.catalogue import networks, save
from zoo.graphs import input_shapes, macs


def main(arguments: Sequence[str] | None = None) -> int:
    """Write NAME.h5 of each network named, or list all; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m zoo", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks to write (none: list)")
    parser.add_argument("-o", dest="folder", type=Path, default=Path(), help="where (here)")
    options = parser.parse_args(arguments)
    known = networks()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"no network of the zoo: {', '.join(unknown)}")
    if not options.names:
        for name, entry in known.items():
            shapes = " ".join("x".join(map(str, s)) for s in input_shapes(entry.network))
            print(f"{name:20} {shapes:9} {macs(entry.network):>10,} MAC  {entry.description}")
        return 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        path = options.folder / f"{name}.h5"
        save(name, path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
