"""The report of a demo run, in words that need no knowledge of azpoll."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.cli.duration import spoken
from azpoll.cli.report import ENDS, percentile

if TYPE_CHECKING:
    from azpoll.cli.demo_view import View
    from azpoll.cli.report import Figures


def show(figures: Figures, view: View) -> None:
    """Print the report."""
    _verdicts(figures, view)
    _promises(figures, view)
    _costs(figures, view)
    total = sum(figures.truth.values())
    view.line("")
    if figures.right:
        view.line(f"All {total:,} operations ended as the server says, and no read was sent before its time.", "good")
    else:
        view.line("azpoll made a mistake here: please report it with the seed and these figures.", "bad")


def _verdicts(figures: Figures, view: View) -> None:
    view.heading("What azpoll said, and what the server knows")
    view.line(f"{'':<22}{'azpoll said':>12}{'the truth':>12}", "quiet")
    for end in ENDS:
        view.line(f"  {end.value:<20}{figures.said[end.value]:>12,}{figures.truth[end.value]:>12,}")
    unknown = sum(figures.said.values()) - sum(figures.said[end.value] for end in ENDS)
    view.line(f"  {'unknown':<20}{unknown:>12,}{'-':>12}")


def _promises(figures: Figures, view: View) -> None:
    view.heading("Was azpoll right? All four should be 0")
    rows = (
        (figures.false, "false verdicts", "told to have ended otherwise than it did, or before it did"),
        (figures.lost, "lost operations", "begun, but its end was never learned"),
        (figures.early, "early reads", "sent before the time the server asked to wait (Retry-After)"),
        (figures.after_end, "reads after the end", "asked again although nothing was left to ask"),
    )
    for count, name, meaning in rows:
        view.line(f"  {name:<20}{count:>12,}   {meaning}", "bad" if count else "")


def _costs(figures: Figures, view: View) -> None:
    view.heading("What did it take?")
    total = sum(figures.truth.values())
    each = figures.reads / total if total else 0.0
    noticed = f"{percentile(figures.noticed_s, 0.5):.1f} / {percentile(figures.noticed_s, 0.99):.1f} s"
    late = f"{percentile(figures.lateness_s, 0.5) * 1000:.0f} / {percentile(figures.lateness_s, 0.99) * 1000:.0f} ms"
    cpu = f"{figures.cpu_s / max(figures.requests, 1) * 1000:.2f} ms"
    memory = "not known" if figures.memory_mib is None else f"{figures.memory_mib:.0f} MiB"
    rows = (
        (f"{figures.reads:,}", "reads", f"to follow {total:,} operations: {each:.1f} for each"),
        (f"{figures.throttled:,}", "answered 429", "the server had had enough of us for now; azpoll waited as told"),
        (f"{figures.faulty:,}", "answers spoiled", "errors 5xx, cut or dropped connections; azpoll asked again later"),
        (
            noticed,
            "end to knowing it",
            "for half / for 99 % of the operations; the servers asked for 1 to 3 s between reads",
        ),
        (late, "late reads", "how long after its due time half / 99 % of the reads were sent; a 429 makes them wait"),
        (cpu, "CPU per request", "azpoll and the HTTP client together; the server runs in a thread of its own"),
        (memory, "memory at most", "of the whole process, the server included"),
        (spoken(figures.wall_s), "wall time", "from the first request to the last result"),
    )
    for value, name, meaning in rows:
        view.line(f"  {name:<20}{value:>12}   {meaning}")
