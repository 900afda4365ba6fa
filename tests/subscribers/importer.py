"""What a process does that imports readers in more transactions than a short list would take."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flows.cli import main
from subscribers import importing


def import_in_pieces(rows: int, home: Path, file: Path) -> None:
    """Run `verdicts subscribers import`, with so many rows in each transaction; nobody hears what it says."""
    importing.CHUNK = rows
    sys.argv = ["verdicts", "subscribers", "import", str(file), "--home", str(home)]
    with Path(os.devnull).open("w", encoding="utf-8") as sys.stdout:
        main()
