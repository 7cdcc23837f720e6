"""Database servers for tests and benchmarks: started without durability on a port of their own, gone afterwards."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


class NotInstalledError(Exception):
    """The machine has no such server."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _as_user(user: str, command: list[str]) -> list[str]:
    """Database servers refuse to run as root: drop to the account that their package made."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]


def _home(name: str) -> Path:
    """A folder that another account may enter; pytest's own temporary folders are closed to it."""
    home = Path(tempfile.mkdtemp(prefix=f"rollbook-{name}-"))
    home.chmod(0o755)
    return home


@dataclass(frozen=True)
class Server:
    """A database server. `url` takes a database's name."""

    url: Callable[[str], str]
    run: Callable[[str, str], None]
    create: Callable[[str], None]
    load: Callable[[str, Path], None]
    copy: Callable[[str, str], None]
    loaded: set[str] = field(default_factory=set)


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """A PostgreSQL server without durability, on a port of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise NotInstalledError("PostgreSQL is not installed")
    binaries = found[-1].parent
    home = _home("postgresql")
    data, port = home / "data", _free_port()
    data.mkdir()
    if os.geteuid() == 0:
        shutil.chown(data, "postgres", "postgres")
        shutil.chown(home, "postgres", "postgres")
    init = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(_as_user("postgres", init), check=True, stdout=subprocess.DEVNULL, cwd="/")
    # Accounts that tests give a password must prove it; the others are let in.
    rules = ("host all reader,secretive 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust")
    (data / "pg_hba.conf").write_text("\n".join((*rules, "local all all trust\n")))
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=64MB"
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-l", str(home / "log"), "-w"]
    subprocess.run(
        _as_user("postgres", [*control, "-o", options, "start"]), check=True, stdout=subprocess.DEVNULL, cwd="/"
    )
    psql = [str(binaries / "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1"]

    def run(database: str, sql: str) -> None:
        subprocess.run([*psql, "-d", database, "-c", sql], check=True, stdout=subprocess.DEVNULL)

    def load(database: str, dump: Path) -> None:
        run("postgres", f'create database "{database}"')
        with gzip.open(dump) as text:
            subprocess.run([*psql, "-d", database], input=text.read(), check=True, stdout=subprocess.DEVNULL)

    try:
        yield Server(
            url=lambda database: f"postgresql://postgres@127.0.0.1:{port}/{database}",
            run=run,
            create=lambda database: run("postgres", f'create database "{database}"'),
            load=load,
            copy=lambda old, new: run("postgres", f'create database "{new}" template "{old}"'),
        )
    finally:
        subprocess.run(_as_user("postgres", [*control, "-m", "immediate", "stop"]), stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def mariadb_server() -> Iterator[Server]:
    """A MariaDB server without durability, on a port of its own."""
    if shutil.which("mariadbd") is None:
        raise NotInstalledError("MariaDB is not installed")
    home = _home("mariadb")
    data, port, account = home / "data", _free_port(), "mysql" if os.geteuid() == 0 else os.environ.get("USER", "mysql")
    if os.geteuid() == 0:
        shutil.chown(home, "mysql", "mysql")
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"]
    install.append("--auth-root-authentication-method=normal")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(_as_user(account, install), check=True, cwd="/", **quiet)
    server = subprocess.Popen(
        _as_user(
            account,
            [
                "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={home}/s.sock", f"--port={port}",
                "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin",
                "--innodb-read-only-compressed=OFF",
            ],
        ),
        stdout=subprocess.DEVNULL, stderr=(home / "log").open("w"), cwd="/",
    )  # fmt: skip
    client = ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(port), "-u", "root"]

    def run(database: str, sql: str) -> None:
        subprocess.run([*client, database, "-e", sql], check=True, stdout=subprocess.DEVNULL)

    def load(database: str, dump: Path) -> None:
        run("mysql", f"create database `{database}`")
        with gzip.open(dump) as text:
            subprocess.run([*client, database], input=text.read(), check=True)

    def copy(old: str, new: str) -> None:
        run("mysql", f"create database `{new}`")
        dump = subprocess.run(["mariadb-dump", *client[1:], old], check=True, capture_output=True).stdout
        subprocess.run([*client, new], input=dump, check=True)

    try:
        for _ in range(120):
            if subprocess.run([*client, "-e", "select 1"], capture_output=True).returncode == 0:
                break
            time.sleep(0.25)
        else:
            raise RuntimeError(f"MariaDB did not start: {(home / 'log').read_text()[-2000:]}")
        yield Server(
            url=lambda database: f"mysql://root@127.0.0.1:{port}/{database}",
            run=run,
            create=lambda database: run("mysql", f"create database `{database}`"),
            load=load,
            copy=copy,
        )
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)
