"""What the operator is told when the database cannot be opened."""

from app.language import Sentence, say
from store.io.database import DatabaseProblem, DatabaseTooNew, DatabaseUnwritable


def told_plainly(problem: DatabaseProblem) -> Sentence:
    """Return the sentence for a problem of `Database.open`."""
    if isinstance(problem, DatabaseTooNew):
        return say("The database was made by a newer version of Visavis: start that version, or restore a backup.")
    if isinstance(problem, DatabaseUnwritable):
        return say(
            "The database cannot be written: look at its owner and the space on the disk ({reason}).", reason=problem
        )
    return say("The database cannot be opened: look at --database ({reason}).", reason=problem)
