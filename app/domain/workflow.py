"""The filing of a report: the states it passes through, and who takes it from one to the next.

draft → submitted → accepted → published; what is returned is a draft again, with a reason; what is
published becomes a draft once more by a correction, and stays published as it was until then.
"""

from dataclasses import dataclass
from typing import Literal

Action = Literal["submit", "return", "accept", "publish", "correct", "record"]
Decision = Literal["explained", "confirmed", "waived"]


@dataclass(frozen=True, slots=True)
class Step:
    """What takes a report from some states to another.

    `right` is that of `api.rights`; `writes` tells that figures may change after it, so that the
    year must be open.
    """

    action: Action
    before: tuple[str, ...]
    after: str
    right: Literal["write", "review", "administer"]
    needs_comment: bool = False
    writes: bool = False


STEPS: dict[Action, Step] = {
    step.action: step
    for step in (
        Step("submit", ("draft", "returned"), "submitted", "write", writes=True),
        Step("return", ("submitted", "accepted"), "returned", "review", needs_comment=True),
        Step("accept", ("submitted",), "accepted", "review"),
        Step("publish", ("accepted",), "published", "review"),
        Step("correct", ("published",), "draft", "write", needs_comment=True, writes=True),
        # What was published before there was this register, as it was, errors included.
        Step("record", ("draft",), "published", "administer", needs_comment=True, writes=True),
    )
}
