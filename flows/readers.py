"""Readers in and out, as commands ask for it."""

from __future__ import annotations

import csv
from pathlib import Path

from digest.errors import Fault, FilesError
from flows.services import Services
from subscribers.importing import Imported, take_in


def import_subscribers(services: Services, path: Path) -> Imported:
    """Import subscribers from a CSV file with the header email,name,state,confirmed_at,source.

    Raises:
        FilesError: The file cannot be read, or has other columns.
    """
    columns = ("email", "name", "state", "confirmed_at", "source")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for _ in file:  # a file that turns out not to be text half way through must change nothing
                pass
            file.seek(0)
            rows = csv.DictReader(file)
            header = [name.strip() for name in rows.fieldnames or ()]
            if "email" not in header or set(header) - set(columns) or len(header) != len(set(header)):
                raise FilesError([Fault(path.name, 1, "header", ",".join(header) or "nothing", ",".join(columns))])
            rows.fieldnames = header
            numbered = ((rows.line_num, row) for row in rows)
            key = services.settings.key("suppression_key")
            return take_in(services.engine, key, numbered, services.clock(), source=path.name)
    except csv.Error as error:
        raise FilesError([Fault(path.name, rows.line_num, "", str(error), "rows of a CSV file")]) from error
    except OSError as error:
        raise FilesError([Fault(str(path), None, "", str(error.strerror), "a readable CSV file")]) from error
    except UnicodeDecodeError as error:
        raise FilesError([Fault(path.name, None, "", "bytes that are not UTF-8", "UTF-8 text")]) from error
