"""Secrets that stand in Prefect's Secret blocks: a variable NAME_BLOCK names the block that holds the value of NAME."""

from __future__ import annotations

from collections.abc import Mapping

from digest.errors import SettingsError

#: What may stand in a block, by the variable it stands for.
SECRETS = (
    "VERDICTS_DATABASE_URL",
    "VERDICTS_SECRET",
    "VERDICTS_SUPPRESSION_KEY",
    "SENDGRID_API_KEY",
    "SENDGRID_EVENT_PUBLIC_KEY",
    "SMTP_USERNAME",
    "SMTP_PASSWORD",
)


def with_blocks(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the environment with the values of the blocks it names; a variable that is set itself wins.

    The values go into the services of one flow run and nowhere else: no process that it starts inherits them.

    Raises:
        SettingsError: There is no such block.
    """
    named = {name: block for name in SECRETS if (block := environment.get(f"{name}_BLOCK"))}
    return {name: _value(name, block) for name, block in named.items()} | dict(environment)


def _value(name: str, block: str) -> str:
    from prefect.blocks.system import Secret  # noqa: PLC0415 - only who has blocks asks Prefect's server

    try:
        found = Secret.load(block)
    except ValueError as error:
        raise SettingsError(
            f"{name}_BLOCK: found {block!r}, and Prefect has no Secret block of that name; make one in Prefect's pages"
            " under Blocks, or unset it"
        ) from error
    assert isinstance(found, Secret)  # noqa: S101 - asked from a flow run, which waits for the answer
    return str(found.get())
