"""Atomic releases: immutable folders of marts, one live at a time, each with the changes since the one before."""

from serving.release.holding import hold, resume
from serving.release.publishing import Published, publish, rollback, sweep
from serving.release.releases import Releases
from serving.release.status import write_status
from serving.release.verification import verify

__all__ = ["Published", "Releases", "hold", "publish", "resume", "rollback", "sweep", "verify", "write_status"]
