"""Errors whose message is one sentence for the person at the keyboard; they never carry a secret."""


class RollbookError(Exception):
    """Something went wrong that the message explains; the command line ends with exit code 1."""


class UsageError(RollbookError):
    """The user can mend this in the configuration or the command; the command line ends with exit code 2."""


class SourceError(RollbookError):
    """A source could not be read. Its last landed state stays; other sources go on.

    `may_pass` tells whether the same attempt can succeed later without anybody mending anything.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass
