"""The whole institution, made in the order in which its parts need each other."""

from __future__ import annotations

from pathlib import Path

from ingestion.demo.attempts import plan_attempts
from ingestion.demo.companies import make_companies, write_track
from ingestion.demo.completion import write_completion
from ingestion.demo.courses import make_courses
from ingestion.demo.engine import write_attempts
from ingestion.demo.enrolments import enrol_everyone, write_last_accesses
from ingestion.demo.gradebook import Gradebook, write_gradebook
from ingestion.demo.gradeitems import make_grade_items, write_item_history
from ingestion.demo.log import quiz_events, write_log
from ingestion.demo.packages import write_packages, write_ungraded
from ingestion.demo.people import make_people, write_cohorts, write_people
from ingestion.demo.quizzes import make_quizzes
from ingestion.demo.results import replay, write_quiz_grades
from ingestion.demo.settings import write_settings
from ingestion.demo.world import World
from ingestion.demo.write import Database


def build(path: Path, seed: int, students: int, attempts: int) -> None:
    """Write the database of a clean institution: nothing in it contradicts anything else."""
    with Database(path) as db:
        world = World(db, seed, students, attempts)
        write_settings(world)
        people = make_people(world)
        write_cohorts(world, people)
        courses = make_courses(world)
        companies = make_companies(world, people, courses)
        classes = enrol_everyone(world, people, courses)
        quizzes = make_quizzes(world, courses, classes)
        graders = {course_id: teachers[0].id for course_id, teachers in classes.teachers.items()}

        planned = plan_attempts(world, quizzes, classes)
        write_attempts(world, planned, graders)
        results = replay(planned)
        write_quiz_grades(world, results)

        items = make_grade_items(world, courses, quizzes)
        write_item_history(world, items)
        book = Gradebook(world, items, results, classes)
        write_gradebook(world, book)
        played = write_packages(world, book.plays, graders)
        write_ungraded(world, courses, classes)

        standings = write_completion(world, courses, classes, items, book)
        write_track(world, companies, standings, book, items)
        write_log(world, [*quiz_events(world, planned, graders), *played], people)
        write_last_accesses(world, classes)
        write_people(world, people)
