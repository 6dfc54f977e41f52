"""A table that nobody has described: what is in it, what may mislead, a card to start from."""

from minspnet.intake.draft import draft, usual_features, usual_id
from minspnet.intake.marks import look, propose_marks
from minspnet.intake.profile import Column, Profile, profile
from minspnet.intake.suggest import Suggestion, classes_of, suggest_groups, suggest_targets
from minspnet.intake.suspects import Suspect, suspects
from minspnet.sheets import Table, sniff

__all__ = [
    "Column",
    "Profile",
    "Suggestion",
    "Suspect",
    "Table",
    "classes_of",
    "draft",
    "look",
    "profile",
    "propose_marks",
    "sniff",
    "suggest_groups",
    "suggest_targets",
    "suspects",
    "usual_features",
    "usual_id",
]
