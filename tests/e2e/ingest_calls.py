"""Recorded calls to Moodle's package plugin, replayed by its own rules: what they must have left behind."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from tests.e2e.conftest import Installation

# The calls that both sites recorded, by kind; none was a preview. What stored data cannot tell: without such a call
# Moodle, and so Rollbook, would hold the very same. A commit is written over where later ones of its page load gave all
# its scores anew and no event told of it.
LEAVE_NO_TRACE = {
    **{"xapi duplicate": 68, "xapi ignored": 40, "xapi invalidstatementid": 18, "xapi scoreoutofrange": 31},
    **{"xapi unknownobjectid": 24, "xapi maxattemptsreached": 143, "scorm noop": 6, "scorm scored, written over": 118},
}
LEAVE_TRACES = {"xapi lifecycle": 806, "xapi noop": 115, "xapi scored": 1175, "scorm scored": 137, "teacher deleted": 6}
# The second of the last event in the log of a site where calls went on after it.
LOG_ENDED = {"iomad": 1779616783}

# What is held: activity, account, the rest of the key, values.
HELD = {
    "score": """select exelearningid, userid, row(attempt, itemnumber), rawscore, maxscore, scaledscore, status,
        sessiontoken_sha256, timecreated, timemodified from landing.moodle_exelearning_attempt""",
    "statement": """select exelearningid, userid, row(statementid), verb, objectid, registration_sha256, scaled,
        timecreated from landing.moodle_exelearning_tracking_events""",
    "event": """select split_part(activity_key, ':', 3)::bigint, user_id,
        row(attempt_number, event, generation, occurrence), source_of_event, epoch(occurred_at)::bigint, channel,
        reported_score, reported_status, is_attempt_present
        from release.marts.fct_attempt_events left join landing.user_keys using (user_key)
        where activity_type = 'exelearning'""",
    "attempt": """select split_part(activity_key, ':', 3)::bigint, user_id, row(attempt_number), channel, state,
        raw_score, items_answered, epoch(started_at)::bigint, epoch(last_activity_at)::bigint
        from release.marts.fct_attempts left join landing.user_keys using (user_key)
        where activity_type = 'exelearning'""",
}
PACKAGES = """select id, grademax, grademin, grademethod, gradeenabled <> 0, maxattempt, map_from_entries(array(select
    row(objectid, itemnumber) from landing.moodle_exelearning_grade_item where exelearningid = e.id and deleted = 0))
    from landing.moodle_exelearning as e"""

VERBS = "http://adlnet.gov/expapi/verbs/"
TERMINAL = ("passed", "failed", "completed")
IDEVICE = "https://exelearning.net/xapi/extensions/idevice-id"
STATEMENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)

Learner = tuple[int, int]  # activity and account
Call = dict[str, Any]
Facts = dict[tuple[Any, ...], Any]


def rounded(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.00001"), ROUND_HALF_UP)


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_null(inner) for key, inner in value.items() if key != "extensions")
    return any(map(has_null, value)) if isinstance(value, list) else value is None


def judged(statement: Any) -> dict[str, Any]:
    """What DOMAIN 1.2.1 makes of a statement, in its order: an error, or the verb and, if it grades, score and part."""
    if has_null(statement):
        return {"error": "invalidstatement"}
    if not STATEMENT_ID.fullmatch(statement.get("id", "")):
        return {"error": "invalidstatementid"}
    if not statement["verb"]["id"].startswith(VERBS):
        return {"error": "invalidstatement"}
    verb = statement["verb"]["id"].removeprefix(VERBS)
    if verb not in (*TERMINAL, "answered"):
        return {"verb": verb}
    score = statement.get("result", {}).get("score", {})
    bounds = [score[name] for name in ("min", "raw", "max") if name in score]
    if not 0 <= score.get("scaled", -1) <= 1 or (len(bounds) == 3 and bounds != sorted(bounds)):
        return {"error": "scoreoutofrange"}
    in_path = "".join(re.findall(r"/idevice/([^/]+)$", statement["object"]["id"]))
    object_id = statement["context"].get("extensions", {}).get(IDEVICE) or in_path
    if verb == "answered" and not object_id:
        return {"error": "objectidmissing"}
    return {"verb": verb, "scaled": Decimal(score["scaled"]), "object_id": object_id if verb == "answered" else None}


@dataclass
class Package:  # its settings, as landed
    grade_max: Decimal
    grade_min: Decimal
    method: int
    is_graded: bool
    max_attempts: int
    items: dict[str, int]


@dataclass
class Replay:
    """A learner's calls at a package, in order, by the rules of DOMAIN 1.2.2 to 1.2.5: a method for each channel."""

    package: Package
    log_ended: float
    statements: Facts = field(default_factory=dict)
    scores: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    events: Facts = field(default_factory=dict)
    channels: dict[int, str] = field(default_factory=dict)
    generations: Counter[int] = field(default_factory=Counter)
    fired: Counter[tuple[int, str, int]] = field(default_factory=Counter)

    def teacher(self, call: Call) -> dict[str, Any]:
        self.scores = {key: score for key, score in self.scores.items() if key[0] != call["attempt"]}
        self.generations[call["attempt"]] += call["time"] <= self.log_ended
        return {"deleted": True}

    def xapi(self, call: Call) -> dict[str, Any]:
        sent, read = call["input"], judged(call["input"])
        if "error" in read:
            return {"ok": False, **read}
        verb, scaled, object_id = read["verb"], read.get("scaled"), read.get("object_id")
        token = re.sub(r"[^A-Za-z0-9_-]", "", sent["context"].get("registration", ""))[:40]
        answer = {"ok": True, "verb": verb}
        if scaled is None and verb not in ("initialized", "terminated"):
            return answer | {"ignored": True}
        if ("statement", sent["id"]) in self.statements:
            return answer | {"duplicate": True}
        if scaled is None:
            answer["lifecycle"] = True
        elif not self.package.is_graded:
            answer["noop"] = True
        elif object_id and object_id not in self.package.items:
            return {"ok": False, "error": "unknownobjectid", "verb": verb}
        else:
            item = self.package.items[object_id] if object_id else 0
            if not (written := self.write(call, token, {item: scaled}, verb))["ok"]:
                return written
            grade = self.aggregate(item)
            part, whole = {"peritem": {str(item): grade}, "objectid": object_id}, {"rawscore": grade, "status": verb}
            answer |= written | (part if item else whole)
        stored = (verb, object_id, digest(token), scaled and rounded(scaled), call["time"])
        self.statements["statement", sent["id"]] = stored
        return answer

    def scorm(self, call: Call) -> dict[str, Any]:
        sent, items = call["input"], self.package.items
        if not sent["cmi"]["cmi.core.score.raw"]:
            return {"ok": True, "noop": True}
        parts = {items[name]: part for name, part in sent["itemscores"].items() if name in items}
        scores = {item: Decimal(part["scorepct"]) / 100 for item, part in parts.items()}
        weights = Decimal(sum(part["weighted"] for part in parts.values()))
        scores[0] = sum(scores[item] * part["weighted"] for item, part in parts.items()) / weights
        status = sent["cmi"]["cmi.core.lesson_status"]
        answer = self.write(call, sent["session"], scores, status) | {"rawscore": self.aggregate(0), "status": status}
        return answer | {"peritem": {str(item): self.aggregate(item) for item in parts}}

    def write(self, call: Call, token: str, scores: dict[int, Decimal], status: str) -> dict[str, Any]:
        """Writes scores into the attempt of the page load or, below the cap, into a new one."""
        package, numbers, cap = self.package, {number for number, _ in self.scores}, self.package.max_attempts
        known = {number for (number, _), score in self.scores.items() if score["token"] == token}
        if not known and len(numbers) >= cap > 0:
            return {"ok": False, "error": "maxattemptsreached", "attempts": len(numbers), "maxattempt": cap}
        attempt = min(known, default=max(numbers, default=0) + 1)
        before = self.scores.get((attempt, 0), {}).get("status")
        for item, scaled in scores.items():
            raw = rounded(min(max(scaled * package.grade_max, package.grade_min), package.grade_max))
            score = self.scores.setdefault((attempt, item), {"created": call["time"]})
            score |= {"raw": raw, "scaled": min(max(rounded(raw / package.grade_max), Decimal(0)), Decimal(1))}
            score |= {"status": "completed" if item else status, "token": token, "modified": call["time"]}
        if not known:
            self.channels[attempt] = call["channel"]
            self.fire(call, attempt, "started", None, None)
        if 0 in scores and status in TERMINAL and before not in TERMINAL:
            self.fire(call, attempt, "completed", rounded(self.aggregate(0)), status)
        return {"ok": True, "attempt": attempt}

    def aggregate(self, item: int) -> Decimal:
        """The item's grade over all attempts by the activity's method, which is what answers and events report."""
        taken = [self.scores[key]["scaled"] for key in sorted(self.scores) if key[1] == item]
        by_method = (max(taken), sum(taken) / len(taken), taken[0], taken[-1], min(taken))
        return round(by_method[self.package.method] * self.package.grade_max, 9)

    def fire(self, call: Call, attempt: int, event: str, *report: Any) -> None:
        if call["time"] <= self.log_ended:
            life = (attempt, event, 1 + self.generations[attempt])
            self.fired[life] += 1
            self.events["event", *life, self.fired[life]] = ("log", call["time"], *report)

    def holds(self) -> Facts:
        """All that is stored in the end, in the columns of HELD."""
        facts, present = dict(self.statements), {number for number, _ in self.scores}
        for (number, item), score in self.scores.items():
            measures = (score["raw"], self.package.grade_max, score["scaled"], score["status"])
            facts["score", number, item] = (*measures, digest(score["token"]), score["created"], score["modified"])
        for key, (origin, at, *report) in self.events.items():
            number, generation = key[1], key[3]
            is_present = number in present and generation == 1 + self.generations[number]
            facts[key] = (origin, at, self.channels[number] if is_present else None, *report, is_present)
        for number in present:
            scores = {item: score for (attempt, item), score in self.scores.items() if attempt == number}
            began, last = min(s["created"] for s in scores.values()), max(s["modified"] for s in scores.values())
            whole, channel, items = scores.get(0, {}), self.channels[number], len(scores.keys() - {0})
            done = whole["modified"] if whole.get("status") in TERMINAL else None
            state = "completed" if done else "in_progress"
            facts["attempt", number] = (channel, state, whole.get("raw"), items, began, last)
            for event, at in (("started", began), ("completed", done)):
                life = (number, event, 1 + self.generations[number])
                if at and not self.fired[life]:
                    facts["event", *life, 1] = ("attempt", at, channel, None, None, True)
        return facts


@dataclass
class Site:
    packages: dict[int, Package]
    held: dict[Learner, Facts]
    calls: dict[Learner, list[Call]]  # by time; deletions of attempts among them
    log_ended: float

    def replay(self, learner: Learner, without: Collection[int] = ()) -> tuple[Facts, Facts]:
        """What was answered, and what is held in the end; without the calls of some lines."""
        replay = Replay(self.packages[learner[0]], self.log_ended)
        calls = [call for call in self.calls[learner] if call["line"] not in without]
        return {("answer", call["line"]): getattr(replay, call["channel"])(call) for call in calls}, replay.holds()


def lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines; PHP's numbers without the noise of their last bits."""
    return [json.loads(line, parse_float=lambda text: round(Decimal(text), 9)) for line in path.open(encoding="utf-8")]


def read_site(installation: Installation, name: str, shared: Path) -> Site:
    calls, held = defaultdict[Learner, list[Call]](list), defaultdict[Learner, Facts](dict)
    truth = shared / "data/moodle" / name / "truth"
    done = [done for done in lines(truth / "sim_operations.jsonl") if done["op"] == "exelearning_delete_attempt"]
    deletions = [call | {"channel": "teacher", "input": {}, "result": {"deleted": True}} for call in done]
    recorded = lines(truth / "exelearning_ingest_calls.jsonl") + deletions
    for line, call in sorted(enumerate(recorded, 1), key=lambda numbered: numbered[1]["time"]):
        calls[call["exelearningid"], call["userid"]].append(call | {"line": line})
    with duckdb.connect(str(installation.folder / "data/warehouse.duckdb"), read_only=True) as con:
        con.execute(f"attach '{installation.current / 'rollbook.duckdb'}' as release (read_only)")
        for what, query in HELD.items():
            for activity, account, key, *values in con.execute(query).fetchall():
                assert (what, *key) not in held[activity, account]
                held[activity, account][what, *key] = tuple(values)
        packages = {row[0]: Package(*row[1:]) for row in con.execute(PACKAGES).fetchall()}
    return Site(packages, held, calls, LOG_ENDED.get(name, math.inf))


def kind(call: Call, calls: list[Call], leaves_trace: bool) -> str:
    """Channel and verdict; of a commit that left no trace also why."""
    named = ("duplicate", "ignored", "lifecycle", "noop", "deleted")
    verdict = next((name for name in named if name in call["result"]), call["result"].get("error", "scored"))
    if (call["channel"], verdict, leaves_trace) == ("scorm", "scored", False):
        page_load = [other for other in calls if other["input"].get("session") == call["input"]["session"]]
        later = [other["result"].get("peritem", {}) for other in page_load if other["line"] > call["line"]]
        if call["result"]["peritem"].keys() <= {item for items in later for item in items}:
            verdict = "scored, written over"
    return f"{call['channel']} {verdict}"
