"""The command line as a process: pipes, encodings, exit codes, a long history, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from cqrsless.messages import Cost
from cqrsless.store import Put
from cqrsless.stores import open_store
from tests.ctrl_c import hears_ctrl_c

COMMAND = (sys.executable, "-m", "cqrsless")


def call(project: Any, *args: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *args],
        cwd=project.folder,
        env={**os.environ, **environ},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def long(project: Any) -> Any:
    """An order with a history of 20,000 commits, put into the file as they would stand there."""
    project.ok("send", "CreateOrder", '{"order_id": "o-1", "total": "9.90"}')
    store = open_store("sqlite:///cqrsless.db")
    first = store.get("events", "Order#o-1", 1, Cost())
    assert first is not None
    for start in range(2, 20_001, 100):
        numbers = range(start, min(start + 100, 20_001))
        store.write([Put("events", {**first, "c": number, "seq": number}) for number in numbers], Cost())
    store.close()
    return project


def test_exit_codes_reach_the_shell(project: Any) -> None:
    assert call(project, "send", "CreateOrder", '{"order_id": "o-1", "total": 1}').returncode == 0
    assert call(project, "send", "CreateOrder", '{"order_id": "o-1", "total": 1}').returncode == 1
    assert call(project, "send").returncode == 2
    assert call(project, "routes", "--app", "nothing").returncode == 3


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
def test_a_reader_that_goes_away_ends_a_long_listing_quietly(long: Any) -> None:
    with subprocess.Popen(
        [*COMMAND, "events", "Order", "o-1"], cwd=long.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b"VERSION")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


@pytest.mark.skipif(sys.platform == "win32", reason="resource is not there")
def test_a_long_history_takes_little_memory(long: Any) -> None:
    code = (
        "import resource, runpy, sys\n"
        "sys.argv = ['cqrsless', 'events', 'Order', 'o-1', '--json', '--from', sys.argv[1]]\n"
        "try: runpy.run_module('cqrsless', run_name='__main__')\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    peaks: list[int] = []
    for first in ("19999", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code, first],
            cwd=long.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert len(json.loads(done.stdout)) == 20_000 - int(first) + 1
        peaks.append(int(done.stderr.split()[-1]))
    assert peaks[1] - peaks[0] < 32 * 1024  # kilobytes; the history itself is some 8 MB a copy as text, 40 as items


def test_an_encoding_that_lacks_a_sign_shows_it_escaped(project: Any) -> None:
    project.ok("send", "CreateOrder", '{"order_id": "żółw", "total": 1}')
    for encoding in ("ascii", "latin-1"):
        done = call(project, "events", "Order", "żółw", PYTHONIOENCODING=encoding)
        assert done.returncode == 0
        assert rb"\u017c" in done.stdout
    told = call(project, "show", "Order", "ż", PYTHONIOENCODING="ascii")
    assert (told.returncode, rb"there is no Order \u017c" in told.stderr) == (1, True)


def test_piped_output_has_no_colours_and_no_line_is_cut(project: Any) -> None:
    project.ok("send", "CreateOrder", json.dumps({"order_id": "o" * 300, "total": 1}))
    done = call(project, "events", "Order", "o" * 300, COLUMNS="40")
    assert b"\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_ctrl_c_ends_a_replay_which_another_process_goes_on_with(project: Any) -> None:
    project.write(
        "slow.py",
        "import itertools, os, time\nfrom shop import shop\nshop.view('Slow', key='order_id')\n"
        "count = itertools.count(1)\n"
        "@shop.projector('OrderCreated', view='Slow')\ndef slow(row, event):\n"
        "    print('.', flush=True)\n"
        "    if next(count) == 510 and os.path.exists('hold'):\n        time.sleep(60)\n"
        "    return {'order_id': event['order_id']}\n",
    )
    hold = project.folder / "hold"
    hold.touch()
    fill = (
        "from shop import shop\nfrom cqrsless import App, Command\n"
        "app = App('sqlite:///cqrsless.db', registry=shop)\n"
        "app.execute_many([Command('CreateOrder', {'order_id': f'o-{at}', 'total': 1}) for at in range(600)])\n"
    )
    subprocess.run([sys.executable, "-c", fill], cwd=project.folder, timeout=60, check=True)
    with subprocess.Popen(
        [*COMMAND, "replay", "Slow", "--app", "slow:shop"], cwd=project.folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, preexec_fn=hears_ctrl_c,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        for _ in range(510):  # past the first slice, into the second, where it is held
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=60) == 130
        assert "cqrsless replay Slow goes on from there" in process.stderr.read()
    hold.unlink()
    done = call(project, "replay", "Slow", "--app", "slow:shop")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b".\n") < 510
    assert b"Slow has been replayed: 600 commits" in done.stdout


def test_a_shell_completes_commands_and_the_applications_own_names(project: Any) -> None:
    def completed(words: str) -> list[str]:
        done = call(project, _CQRSLESS_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
        return [line.partition(",")[2] for line in done.stdout.decode().splitlines()]

    assert completed("cqrsless ev") == ["events"]
    assert completed("cqrsless send ") == ["CreateOrder", "ShipOrder", "BreakOrder"]
    assert completed("cqrsless show O") == ["Order"]
    assert completed("cqrsless replay ") == ["mailer", "OrderSummary"]
