"""Institutions of any size, made by DuckDB statements: consistent with Moodle's arithmetic, the same for the same seed.

    world.py      the rows, in a DuckDB file: an institution, and changes to it
    landed.py     the rows as a committed batch of the landing, as a sync would have landed them
    database.py, postgresql.py   the rows as a Moodle database in SQLite or PostgreSQL, for runs from end to end

An attempt has ten question steps in three to five questions; a learner has twenty attempts in twelve quizzes.
"""

from tests.bench.institution.database import MoodleDatabase
from tests.bench.institution.landed import land
from tests.bench.institution.postgresql import PostgreSQLDatabase
from tests.bench.institution.world import World

__all__ = ["MoodleDatabase", "PostgreSQLDatabase", "World", "land"]
