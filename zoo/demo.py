"""The demonstration of ``make demo``: the digits CNN, from its .h5 to a verdict on real images.

Writes to ``build/demo`` below the current folder and prints the command that it runs.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from zoo import digits
from zoo.catalogue import MODELS

FOLDER = Path("build/demo")
FRAMES = 50


def command(folder: Path) -> list[str]:
    """Return the compiler's arguments; its data are those that ``digits.write`` put there."""
    return [
        *("-m", "frontend", os.path.relpath(MODELS / "digits_cnn.h5")),
        *("--calibrate", str(folder / "calibration.npz"), "--test", str(folder / "test.npz")),
        *("--simulate", "--frames", str(FRAMES), "-o", str(folder / "digits_cnn")),
    ]


def main() -> int:
    """Write the images, run the compiler; return its exit status."""
    digits.write(FOLDER)
    arguments = command(FOLDER)
    print("python", shlex.join(arguments), flush=True)
    return subprocess.run([sys.executable, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
