"""Errors whose message is one sentence for the person at the keyboard; they never carry a secret or a person's data."""


class ServingError(Exception):
    """Something on the release side went wrong that the message explains; the command line ends with exit code 1."""


class RequestError(ServingError):
    """What was asked for cannot be: no such release, no such column. The command line ends with exit code 2."""
