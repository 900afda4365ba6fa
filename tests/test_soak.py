"""Everything at once, for some seconds: nothing that was promised is lost, and nothing goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak import soak


@pytest.mark.slow
@pytest.mark.thorough
def test_what_visitors_were_promised_while_an_edition_went_out_is_kept(tmp_path: Path) -> None:
    """Memory needs longer to say anything: `make soak` looks at it for half an hour."""
    done = soak(tmp_path, 20, 3_000)
    assert done.faults == []
    assert min(len(done.promised.confirmed), len(done.promised.votes), len(done.promised.events)) > 0
