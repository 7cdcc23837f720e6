"""The command line: `rollbook`. Exit codes: 0 success, 1 a failed check or sync, 2 a usage or configuration error.

Heavy libraries are imported by the commands that need them, so that `rollbook status` answers at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ingestion.errors import RollbookError, UsageError
from orchestration.commands import care, demo, pipeline, releases
from orchestration.commands.context import Context
from orchestration.console import complain, set_up_logging
from orchestration.space import is_disk_full
from serving.errors import RequestError, ServingError

_SHOW_TRACES = "ROLLBOOK_DEBUG"


class Rollbook(click.Group):
    """Every failure ends in one sentence on stderr and the right exit code."""

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            code = super().main(args, prog_name or "rollbook", standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.ctx.get_help())
            code = 2
        except click.ClickException as error:
            complain(error.format_message())
            code = error.exit_code
        except (UsageError, RequestError) as error:
            complain(str(error))
            code = 2
        except (RollbookError, ServingError) as error:
            complain(str(error))
            code = 1
        except (KeyboardInterrupt, click.Abort):
            complain("Interrupted; what was committed stays.")
            code = 130
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except OSError as error:
            place = f" ({error.filename})" if error.filename else ""
            complain(f"The system refuses: {error.strerror or error}{place}.")
            code = 1
        except Exception as error:
            if os.environ.get(_SHOW_TRACES):
                complain("".join(traceback.format_exception(error)))
            said = str(error).strip().splitlines()
            complain(
                "The disk is full: free some space and run it again; what was committed stays."
                if is_disk_full(error)
                else f"Unexpected {type(error).__name__}: {said[0] if said else 'no message'} "
                f"({_SHOW_TRACES}=1 shows where; please report it)."
            )
            code = 1
        code = code if isinstance(code, int) else 0
        if standalone_mode:
            sys.exit(code)
        return code


@click.group(cls=Rollbook, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration; default $ROLLBOOK_CONFIG, else ./rollbook.toml.",
)
@click.option(
    "--wait", "wait_seconds", type=click.FloatRange(min=0), default=0, metavar="SECONDS", help="Wait for the lock."
)
@click.version_option(package_name="rollbook")
@click.pass_context
def main(context: click.Context, config: Path | None, wait_seconds: float) -> None:
    """A learning-analytics warehouse for Moodle: every number can be proved, nothing is lost, nobody is blocked."""
    set_up_logging()
    context.obj = Context(config, wait_seconds)


for _command in (*pipeline.COMMANDS, *releases.COMMANDS, *care.COMMANDS, demo.demo):
    main.add_command(_command)


if __name__ == "__main__":
    main()
