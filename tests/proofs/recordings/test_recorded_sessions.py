"""Each recorded operation of a real service ends as recorded. `AZPOLL_RECORDINGS` names the folder of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.proofs.recordings.answer_meaning import is_operation_document, status_word
from tests.proofs.recordings.recorded_session import FOLDER, Session, load
from tests.proofs.recordings.script_playing import faults_of
from tests.proofs.recordings.second_reading import ENDS, read_session

if TYPE_CHECKING:
    from tests.proofs.recordings.operation_script import Script

pytestmark = pytest.mark.slow

assert FOLDER
SESSIONS = load(Path(FOLDER))


def read_differently(session: Session, script: Script) -> bool:
    """Whether the rules read a status word that the verdict of the recording was made without.

    Some recorded verdicts take every 200 at a `Location` for success, as most clients do. In monitors they do not know
    `Success`, the word of Managed HSM.
    """
    last = script.replies[-1]
    by_code_alone = (
        session.pattern == "LOC" and session.verdicts == frozenset({"succeeded"}) and is_operation_document(last)
    )
    return by_code_alone or status_word(last) == "success"


def has_recorded_verdict(session: Session) -> bool:
    """Whether the rules lead to the verdict of the recording, or read it differently on purpose."""
    script = read_session(session)
    verdict = script.end if script.end in {*ENDS, "running"} else "error"
    return verdict in session.verdicts or read_differently(session, script)


def test_the_rules_lead_to_the_recorded_verdict() -> None:
    assert [session.id for session in SESSIONS if not has_recorded_verdict(session)] == []


@pytest.mark.parametrize("session", [pytest.param(session, id=session.id) for session in SESSIONS])
@pytest.mark.anyio
async def test_a_recorded_operation_ends_as_recorded(session: Session) -> None:
    """Requests, waits, end, error code and result are those that the rules demand of the recorded answers."""
    assert not await faults_of(read_session(session))
