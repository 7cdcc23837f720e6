"""Crashes, full disks and readers at work: what can be seen is always one whole release."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.errors import ServingError
from serving.release import sweep, verify
from tests.serving.release.candidates import Workshop, apply, changes, filled, snapshot, tree

ROOT = Path(__file__).resolve().parents[3]


def _start(module: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"tests.serving.release.{module}", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _publish_apart(shop: Workshop, day: int, die_at: int = 0, largest: int = 0) -> tuple[int, list[str]]:
    process = _start("publishing_process", shop.data, shop.candidate, day, die_at, largest)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output.splitlines()


def _three_releases(shop: Workshop) -> None:
    for day in (1, 2):
        shop.sql(f"update marts.fct_grades set grade = {day}")
        shop.released(day)
    shop.sql("update marts.fct_grades set grade = 3")


def _is_clean(shop: Workshop) -> None:
    """No trace of what was not finished, and every release that is left is sound."""
    releases = shop.releases
    assert sorted(path.name for path in releases.published.iterdir()) == ["current", "releases"]
    ids = releases.ids()
    assert [path.name for path in sorted(releases.folder.iterdir())] == [f"{i:08d}" for i in ids]
    assert [path.name for path in sorted(releases.restricted.iterdir())] == [f"{i:08d}" for i in ids]
    assert [fault for release_id in ids for fault in verify(shop.data, release_id)] == []
    logged = [entry["release_id"] for entry in releases.log()]
    assert logged == sorted(set(logged))
    assert set(ids) <= set(logged)
    assert logged[-1] == releases.current_id() == ids[-1]


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The file operations of a publish that also lets an old release go, in their order."""
    shop = Workshop(Path(tmp_path_factory.mktemp("operations"))).begin()
    _three_releases(shop)
    code, lines = _publish_apart(shop, 3)
    assert (code, lines[-1]) == (0, "3")
    return lines[:-1]


# Where in the publish the process dies: the text names the operation that it does not reach.
DEATHS = {
    "before anything": ".staging 448",
    "while the files are written": "manifest.json",
    "when a file is shared": "os.link",
    "before the folder is in place": "staging/release",
    "before the link is made": "os.symlink",
    "before the swap": "published/current",
    "before the log": "releases.json.",
    "before the log is in place": "os.rename {data}/ops",
    "before an old release goes": "discarded",
    "while an old release goes": "shutil.rmtree {data}/published/.staging/discarded",
    "before its identities go": "shutil.rmtree {data}/restricted",
}


@pytest.mark.parametrize("moment", DEATHS)
def test_a_killed_publish_leaves_a_whole_release_and_the_next_one_heals(
    workshop: Workshop, operations: list[str], moment: str
) -> None:
    _three_releases(workshop)
    wanted = DEATHS[moment].replace("{data}", "")
    places = [number for number, line in enumerate(operations, 1) if all(part in line for part in wanted.split(" /"))]
    assert places, (moment, operations)
    code, lines = _publish_apart(workshop, 3, die_at=places[0])
    assert code == -signal.SIGKILL, lines

    live = workshop.releases.current_id()
    is_swapped = list(DEATHS).index(moment) > list(DEATHS).index("before the swap")
    assert live == (3 if is_swapped else 2)
    assert verify(workshop.data, live) == []
    assert workshop.rows("select distinct grade::int from r.marts.fct_grades") == [(live,)]

    workshop.sql("update marts.fct_grades set grade = 4")
    healed = workshop.released(4, keep_last=2, keep_hours=0)
    assert healed.release_id == live + 1
    assert healed.notes == ()
    _is_clean(workshop)
    content = snapshot(workshop.releases, healed.release_id)
    step = changes(healed.path / "changes.parquet")
    assert apply(filled(snapshot(workshop.releases, live)), step, content) == filled(content)


def test_a_publish_killed_while_duckdb_writes_heals_too(workshop: Workshop) -> None:
    workshop.begin(200_000).released(1)
    workshop.sql("update marts.fct_grades set grade = 2")
    process = _start("publishing_process", workshop.data, workshop.candidate, 2, 0, 0)
    database = workshop.releases.staging / "release" / "rollbook.duckdb"
    deadline = time.monotonic() + 60
    while not database.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert workshop.releases.current_id() == 1
    assert verify(workshop.data, 1) == []
    assert workshop.released(3).release_id == 2
    _is_clean(workshop)


def test_a_killed_publish_is_swept_also_when_nothing_new_is_to_be_released(workshop: Workshop) -> None:
    workshop.released(1)
    left_behind = [
        workshop.releases.path(2) / "parquet",
        workshop.releases.staging / "release",
        workshop.releases.restricted_path(2),
    ]
    for folder in left_behind:
        folder.mkdir(parents=True)
        (folder / "half.parquet").write_bytes(b"half")
    assert workshop.publish(2) is None
    _is_clean(workshop)


def test_a_complete_release_that_never_went_live_is_not_a_release(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("update marts.fct_grades set grade = 5")
    second = workshop.released(2)
    workshop.releases.current.unlink()
    workshop.releases.current.symlink_to("releases/00000001")
    log = json.loads(workshop.releases.log_file.read_text())
    log["releases"].pop()
    workshop.releases.log_file.write_text(json.dumps(log))
    assert workshop.releases.ids() == [1]
    again = workshop.released(3)
    assert (again.release_id, again.path) == (2, second.path)
    assert again.manifest["released_at"] > second.manifest["released_at"]
    _is_clean(workshop)


def test_a_lost_link_is_set_again(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.releases.current.unlink()
    assert workshop.releases.live_database() is None
    assert workshop.publish(2) is None
    assert workshop.releases.current_id() == 1
    _is_clean(workshop)


def test_a_lost_live_release_is_followed_by_another_one_even_when_no_content_differs(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("update marts.fct_grades set grade = 5")
    shutil.rmtree(workshop.released(2).path)
    sweep(workshop.data)
    assert workshop.releases.current_id() == 1
    workshop.begin()
    third = workshop.released(3)
    assert (third.release_id, third.previous_id, third.manifest["oldest_base"]) == (3, 1, 3)
    assert changes(third.path / "changes.parquet") == []
    _is_clean(workshop)


def test_a_damaged_live_release_does_not_stop_the_next_one(workshop: Workshop) -> None:
    first = workshop.released(1)
    (first.path / "rollbook.duckdb").write_bytes(b"\0" * 4096)
    workshop.sql("update marts.fct_grades set grade = 5")
    second = workshop.released(2)
    assert "Release 1 is damaged" in second.notes[0]
    assert (second.previous_id, second.manifest["oldest_base"]) == (None, 2)
    assert verify(workshop.data, 2) == []


@pytest.mark.parametrize("largest", [20_000, 1_000_000, 3_000_000])
def test_a_disk_that_takes_no_more_leaves_the_live_release_untouched(workshop: Workshop, largest: int) -> None:
    workshop.released(1)
    workshop.sql(
        "create or replace table marts.dim_users as select sha256(i::varchar) as user_key from range(150_000) r(i)"
    )
    before = tree(workshop.data)
    code, lines = _publish_apart(workshop, 2, largest=largest)
    assert code == 1
    assert lines[-1].startswith("The release was not published and release 1 stays live: ")
    assert tree(workshop.data) == before
    assert workshop.released(3).release_id == 2
    _is_clean(workshop)


def test_a_full_disk_at_any_flush_leaves_one_whole_release(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.released(1)
    real, day, outcomes = os.fsync, 1, []
    for fails_at in range(1, 40):
        calls = 0

        def flush(handle: int, last: int = fails_at) -> None:
            nonlocal calls
            calls += 1
            if calls == last:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(handle)

        day += 1
        live = workshop.releases.current_id()
        workshop.sql(f"update marts.fct_grades set grade = {day}")
        monkeypatch.setattr(os, "fsync", flush)
        try:
            published = workshop.publish(day)
            refusal = ""
        except ServingError as error:
            published, refusal = None, str(error)
        finally:
            monkeypatch.setattr(os, "fsync", real)
        outcomes.append(published is not None)
        assert (published is None) == ("No space left on device" in refusal)
        assert (published is None) == (workshop.releases.current_id() == live)
        current = workshop.releases.current_id()
        assert current is not None
        assert verify(workshop.data, current) == []
        assert not workshop.releases.staging.exists()
        if calls < fails_at:
            break
    else:
        pytest.fail("a publish flushes without end")
    assert outcomes == sorted(outcomes)
    assert outcomes.count(False) > 5


def test_a_reader_in_a_loop_through_twenty_releases_sees_no_error_and_no_mixture(workshop: Workshop) -> None:
    workshop.keys["marker"] = "k"

    def run(number: int) -> None:
        workshop.sql(
            f"""create or replace table marts.marker as select 1 as k, {number} as run;
            update marts.fct_grades set grade = {number}"""
        )
        assert workshop.released(number).release_id == number

    run(1)
    end = workshop.root / "end"
    reader = _start("reading_process", workshop.releases.published, end)
    while not (workshop.root / "end.begun").exists():
        assert reader.poll() is None
        time.sleep(0.01)
    for number in range(2, 22):
        run(number)
    end.touch()
    output, _ = reader.communicate(timeout=60)
    answer = json.loads(output)
    assert answer["errors"] == []
    assert answer["seen"][-1] == 21
    assert len(answer["seen"]) > 3
    assert answer["loops"] > 3


def test_the_loop_would_notice_a_mixed_release(workshop: Workshop) -> None:
    workshop.keys["marker"] = "k"
    workshop.sql("create table marts.marker as select 1 as k, 7 as run")
    workshop.released(1)
    end = workshop.root / "end"
    end.touch()
    output, _ = _start("reading_process", workshop.releases.published, end).communicate(timeout=60)
    assert json.loads(output)["errors"][0].startswith("mixed")
