"""The classes of nights, by name."""

from tests.judge.classes import act, hold, life
from tests.judge.truth import Class

CLASSES: dict[str, Class] = {c.name: c for c in (*act.CLASSES, *hold.CLASSES, *life.CLASSES)}
