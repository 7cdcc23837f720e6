"""What is taught: categories, courses, their activities and quizzes, written down rather than drawn."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.demo.world import DAY, HOUR, at

HIGHEST, AVERAGE, FIRST, LAST = 1, 2, 3, 4
NATURAL, MEAN = 13, 0


@dataclass(frozen=True)
class QuizPlan:
    """One quiz. `questions` are (type, maximum mark); a type `random` draws from the course's pool at each attempt."""

    name: str
    method: int
    questions: tuple[tuple[str, str], ...]
    grade: int = 10
    attempts: int = 0
    opens: str | None = None
    closes: str | None = None
    limit: int = 0
    overdue: str = "autosubmit"
    grace: int = 0
    behaviour: str = "deferredfeedback"
    is_penal: bool = False
    pass_grade: int = 0
    needs_pass: bool = False
    multiplier: str = "1"
    plus: str = "0"
    locked: str | None = None
    in_category: bool = False
    sequential: bool = False
    doubled: str | None = None
    is_practice: bool = False
    sub_grades: bool = False
    is_hidden: bool = False

    @property
    def has_essay(self) -> bool:
        return any(kind == "essay" for kind, _ in self.questions)


@dataclass(frozen=True)
class CoursePlan:
    """One course. `activities` are (module, name) beside the quizzes; `criteria` names what completes the course.

    `leaving` names an activity whose deletion is under way.
    """

    short_name: str
    full_name: str
    category: str
    starts: str
    ends: str | None
    quizzes: tuple[QuizPlan, ...]
    activities: tuple[tuple[str, str], ...]
    aggregation: int = NATURAL
    sub_category: str | None = None
    completion: bool = True
    visible: bool = True
    criteria: str = "activities"
    shared: bool = False
    leaving: str | None = None


# eXeLearning activities that are graded part by part, and those that are not graded at all; the others as a whole.
BY_PARTS = frozenset({"El cor"})
UNGRADED = frozenset({"Dictado: práctica libre"})
# kind and name of each part of an eXeLearning package
PACKAGE_PARTS = (("trueorfalse", "Verdadero o falso"), ("guess", "Adivina la palabra"))

# name, parent; IOMAD gives each company a category of its own
CATEGORIES = (
    ("Category 1", None),
    ("Universitat", None),
    ("Ciències", "Universitat"),
    ("Primer curs", "Ciències"),
    ("Idiomas · Sprachen", "Universitat"),
    ("Instituto Aurora", None),
    ("Aurora Digital", "Instituto Aurora"),
    ("Nordlicht Akademie", None),
)


def _all(kinds: str, mark: str = "1") -> tuple[tuple[str, str], ...]:
    return tuple((kind, mark) for kind in kinds.split())


_OBJECTIVE = _all("multichoice truefalse shortanswer match")

COURSES = (
    CoursePlan(
        "PRL", "Prevención de riesgos laborales", "Instituto Aurora", "2025-11-03", "2026-07-15",
        quizzes=(
            QuizPlan("Test inicial de seguridad", HIGHEST, _OBJECTIVE),
            QuizPlan(
                "Evaluación de riesgos", HIGHEST, (*_all("multichoice numerical", "1.5"), ("match", "2")), attempts=3,
                limit=30 * 60, pass_grade=5, needs_pass=True, sequential=True,
            ),
            QuizPlan(
                "Examen final PRL", LAST, _all("multichoice multichoice numerical truefalse", "2.5"), attempts=3,
                opens="2026-03-02T08:00:00", closes="2026-06-12T20:00:00", limit=45 * 60, overdue="autoabandon",
                pass_grade=5, in_category=True,
            ),
        ),
        activities=(
            ("page", "Bienvenida"), ("resource", "Manual de prevención"), ("scorm", "Simulacro de evacuación"),
            ("assign", "Informe de un puesto de trabajo"), ("forum", "Dudas"),
        ),
        sub_category="Evaluación final", shared=True,
    ),
    CoursePlan(
        "MAT1", "Matemàtiques I: anàlisi", "Primer curs", "2026-01-26", "2026-06-30",
        quizzes=(
            QuizPlan(
                "Funciones y límites", AVERAGE, _all("multichoice multichoice multichoice truefalse"), is_penal=True
            ),
            QuizPlan(
                "Derivades", HIGHEST, _all("numerical numerical shortanswer multichoice", "1.25"), grade=20,
                pass_grade=10, is_hidden=True,
            ),
            QuizPlan(
                "Integrals", FIRST, _all("numerical multichoice match", "2"), limit=HOUR,
                overdue="autoabandon", pass_grade=5,
            ),
        ),
        activities=(
            ("page", "Guia docent"), ("page", "Formulari «∫ f(x) dx»"), ("assign", "Entrega de problemes"),
            ("url", "GeoGebra"), ("exelearning", "Concepte de límit"),
        ),
        aggregation=MEAN,
    ),
    CoursePlan(
        "DEU-B1", "Deutsch als Fremdsprache B1", "Idiomas · Sprachen", "2026-01-12", "2026-07-10",
        quizzes=(
            QuizPlan(
                "Einstufungstest", FIRST, _OBJECTIVE, grade=100, limit=40 * 60, overdue="autoabandon",
                closes="2026-05-29T22:00:00",
            ),
            QuizPlan("Wortschatz für Anfänger", AVERAGE, _all("shortanswer shortanswer match"), multiplier="1.1"),
            QuizPlan("Schreiben", LAST, (("multichoice", "2"), ("essay", "8")), pass_grade=5, in_category=True),
        ),
        activities=(
            ("page", "Kursplan"), ("forum", "Vorstellungsrunde"), ("choice", "Terminwahl"),
            ("assign", "Brief an Frau Weiß"),
        ),
        sub_category="Prüfungen", criteria="grade",
    ),
    CoursePlan(
        "DATA1", "Introduction to data analysis", "Aurora Digital", "2026-02-02", None,
        quizzes=(
            QuizPlan(
                "Probability, how sure are you?", HIGHEST, _all("multichoice truefalse multichoice"),
                behaviour="deferredcbm",
            ),
            QuizPlan("Regression", AVERAGE, _all("numerical multichoice multichoice", "3"), plus="0.5"),
            QuizPlan("Project report", HIGHEST, (("truefalse", "1"), ("essay", "5"), ("essay", "4")), sub_grades=True),
        ),
        activities=(
            ("page", "Syllabus"), ("resource", "Data set: “Ferries of the Ægean”"), ("scorm", "Spreadsheets"),
            ("assign", "Notebook"),
        ),
        shared=True,
    ),
    CoursePlan(
        "ANAT", "Anatomia i fisiologia", "Ciències", "2026-01-19", "2026-06-26",
        quizzes=(
            QuizPlan("Sistema esquelètic", LAST, _OBJECTIVE),
            QuizPlan("Sistema nerviós", HIGHEST, _all("multichoice match shortanswer"), locked="2026-04-15T09:00:00"),
            QuizPlan(
                "Fisiologia a contrarellotge", AVERAGE, _all("multichoice multichoice numerical truefalse"),
                limit=20 * 60, overdue="graceperiod", grace=DAY,
            ),
            QuizPlan(
                "Parcial de maig", HIGHEST, (("match", "2"), ("match", "2"), ("multichoice", "1")), grade=20,
                doubled="2026-05-20T10:00:00", pass_grade=10,
            ),
        ),
        activities=(
            ("page", "Atles"), ("assign", "Pràctica de laboratori"), ("forum", "Anuncis"), ("exelearning", "El cor"),
            ("page", "Esborrany (s'està suprimint)"),
        ),
        leaving="Esborrany (s'està suprimint)",
    ),
    CoursePlan(
        "COM", "Comunicación escrita", "Category 1", "2026-01-12", "2026-06-19",
        quizzes=(
            QuizPlan("Ortografía: ¿b o v?", HIGHEST, _all("truefalse truefalse shortanswer multichoice")),
            QuizPlan("Comentario de texto", AVERAGE, (("shortanswer", "2"), ("essay", "8"))),
            QuizPlan("Repaso sin nota", HIGHEST, _all("truefalse multichoice"), grade=0, is_practice=True),
        ),
        activities=(
            ("page", "Normas"), ("assign", "Reseña"), ("forum", "Tertulia"), ("exelearning", "Dictado: práctica libre"),
        ),
        completion=False,
    ),
    CoursePlan(
        "NET", "Xarxes i ciberseguretat", "Aurora Digital", "2026-02-16", "2026-07-31",
        quizzes=(
            QuizPlan("Subnetting", HIGHEST, (("random", "1"), ("random", "1"), ("random", "1"), ("multichoice", "2"))),
            QuizPlan("Routing", AVERAGE, (("description", "0"), *_all("multichoice numerical match")), grade=10),
            QuizPlan(
                "Examen CCNA 1", LAST, _all("multichoice multichoice shortanswer match", "2"), attempts=4,
                closes="2026-06-24T21:59:00", limit=50 * 60, pass_grade=6, needs_pass=True,
            ),
        ),
        activities=(
            ("page", "Bastim el laboratori"), ("resource", "RFC 1918"), ("scorm", "Packet tracer"),
            ("assign", "Memòria"),
        ),
        aggregation=MEAN,
    ),
    CoursePlan(
        "ONB27", "Onboarding 2026/27", "Instituto Aurora", "2026-09-01", None,
        quizzes=(QuizPlan("Welcome quiz", HIGHEST, _all("truefalse truefalse"), opens="2026-09-01T00:00:00"),),
        activities=(("page", "Welcome"),),
        visible=False,
    ),
)  # fmt: skip

# name, short name, code, category, parent, departments (name, short name, parent or None for the top one)
COMPANIES = (
    (
        "Instituto Aurora", "AUR", "K-01", "Instituto Aurora", None,
        (("Formación", "FORM", None), ("Producción", "PROD", None), ("Turno de noche", "NOCHE", "Producción")),
    ),
    (
        "Aurora Digital", "AURD", "K-01-D", "Aurora Digital", "Instituto Aurora",
        (("Desarrollo", "DEV", None), ("Ventas & CRM", "CRM", None)),
    ),
    ("Nordlicht Akademie", "NORD", "K-02", "Nordlicht Akademie", None, ()),
)  # fmt: skip


def moment(text: str | None) -> int:
    """Seconds since 1970 of a plan's time, 0 for none, as Moodle writes it."""
    return at(text) if text else 0
