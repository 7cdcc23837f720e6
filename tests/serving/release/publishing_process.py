"""Publish in a process of its own that counts its file operations and dies by SIGKILL before a chosen one.

Arguments: data directory, candidate, day, operation to die at (0: none), largest file in bytes (0: any).
Prints one line per operation, then the release's id, or the error with exit code 1.
"""

import os
import resource
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from serving.errors import ServingError
from serving.release import publish
from tests.serving.release.candidates import START, order

WATCHED = {"os.mkdir", "os.rename", "os.symlink", "os.link", "os.chmod", "os.remove", "os.rmdir", "shutil.rmtree"}


def main() -> int:
    data, candidate, day, die_at, largest = sys.argv[1:6]
    count = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        is_write = event == "open" and isinstance(arguments[1], str) and "w" in arguments[1]
        if (event in WATCHED or is_write) and data in " ".join(map(str, arguments)):
            count += 1
            if count == int(die_at):
                os.kill(os.getpid(), signal.SIGKILL)
            print(event, *arguments, flush=True)

    sys.addaudithook(watch)
    if int(largest):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
    try:
        arguments = order(float(day))
        arguments["released_at"] = START + timedelta(days=float(day))
        published = publish(Path(candidate), Path(data), **arguments | {"keep_last": 2, "keep_hours": 0})
    except ServingError as error:
        print(error)
        return 1
    print(published.release_id if published else None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
