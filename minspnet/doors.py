"""What may be asked of all that is kept, in somebody's name: the one way for pages.

Every door asks first whether the role lets them; a refused try is an entry of the audit log, and so
is what is done. What lies behind the doors asks nobody: it is for whoever sits at the machine and
runs commands, who could as well open the files.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minspnet.access import Action, Actor, NotAllowedError
from minspnet.artifact import Model
from minspnet.collection import Collection
from minspnet.devices import Device
from minspnet.learned import AdapterSpec
from minspnet.operating import OperatingPoint
from minspnet.package import pack, unpack
from minspnet.policy import Policy
from minspnet.predict import Progress, predict
from minspnet.queue.job import Job
from minspnet.queue.queue import Queue
from minspnet.queue.worker import start
from minspnet.record.audit import AuditEntry
from minspnet.record.checks import LONGEST_NAME, now
from minspnet.record.queues import ReviewQueue
from minspnet.record.reviews import Review
from minspnet.record.sets import ReviewedSet, SavedSet
from minspnet.record.store import Store
from minspnet.registry import delete, folder_of, rename, restore
from minspnet.workspace import Workspace

if TYPE_CHECKING:
    from minspnet.network import Network

_LATELY = 50
"""So many sign-ins and sign-outs of one person are looked through."""


@dataclass(frozen=True)
class Doors:
    """All doors, for one person.

    Any of them raises ``NotAllowedError`` if the role does not let them, and ``UserError`` as what
    lies behind does.

    Attributes:
        actor: In whose name everything is asked.
        store: What people decide, and the audit log.
        workspace: Data, models and trainings.
    """

    actor: Actor
    store: Store
    workspace: Workspace

    # --- Coming and going -----------------------------------------------------------------

    def sign_in(self, issued: str) -> None:
        """Note a sign-in, once however many windows it opens.

        Args:
            issued: What tells it from other sign-ins of the same person.
        """
        entry = self._allowed(Action.SIGN_IN, issued=issued)
        if not self._noted(Action.SIGN_IN, issued):
            self.store.audit.append(entry)

    def sign_out(self, issued: str) -> None:
        """Note that a sign-in has ended."""
        self.store.audit.append(self._allowed(Action.SIGN_OUT, issued=issued))

    def has_signed_out(self, issued: str) -> bool:
        """Whether a sign-in has ended: a copy of its cookie is worth nothing then."""
        self._allowed(Action.SIGN_IN)
        return self._noted(Action.SIGN_OUT, issued)

    def _noted(self, action: Action, issued: str) -> bool:
        found = self.store.audit.find(who=self.actor.name, action=action, most=_LATELY)
        return any(entry.detail.get("issued") == issued for entry in found)

    # --- Cases and what is decided on them --------------------------------------------------

    def view_cases(self, model: str, cases: Sequence[str], hidden: bool = False) -> None:
        """Note that cases are opened, all in one go.

        Args:
            model: Digest of the model.
            cases: Their ids.
            hidden: Whether its answers are not shown yet.
        """
        answer = "hidden" if hidden else "shown"
        entries = [
            self._allowed(Action.VIEW_CASE, case, answer=answer, model=model) for case in cases
        ]
        self.store.audit.append(*entries)

    def has_seen(self, model: str, case: str) -> bool:
        """Whether a model's answer to a case was shown to one before, as far as is noted."""
        self._allowed(Action.VIEW_CASE, case)
        found = self.store.audit.find(self.actor.name, Action.VIEW_CASE, case, most=None)
        return any(
            one.detail.get("model") == model and one.detail.get("answer") != "hidden"
            for one in found
        )

    def record(self, review: Review) -> int:
        """Record a decision of one's own; gives the number of its record."""
        entry = self._allowed(
            Action.DECISION,
            review.case_id,
            review=review.id,
            model=review.model,
            verdict=review.verdict,
        )
        self._only_as_oneself(Action.DECISION, review.reader)
        return self.store.reviews.append(review, entry)

    def draft(self, model: str, case: str) -> dict[str, Any] | None:
        """What one has typed oneself on a case and not decided."""
        self._allowed(Action.DECISION, case)
        return self.store.drafts.load(self.actor.name, model, case)

    def save_draft(self, model: str, case: str, content: Mapping[str, object]) -> None:
        """Keep what one has typed oneself; in no log, for nothing is decided."""
        self._allowed(Action.DECISION, case)
        self.store.drafts.save(self.actor.name, model, case, content)

    def reviews(
        self, model: str | None = None, case: str | None = None, most: int | None = 100
    ) -> tuple[Review, ...]:
        """Decisions that one may read, newest first: one's own, or everybody's."""
        return self.store.reviews.find(model, self._readable, case, most=most)

    def reviews_of(
        self, reader: str | None, model: str | None = None, most: int | None = None
    ) -> tuple[Review, ...]:
        """Decisions of somebody, None for everybody, newest first."""
        if reader != self.actor.name:
            self._allowed(Action.READ_REVIEWS, reader or "")
        return self.store.reviews.find(model, reader, most=most)

    def readers(self) -> tuple[str, ...]:
        """Whose decisions there are that one may read, by name."""
        known = self.store.reviews.readers()
        return known if self._readable is None else tuple({*known} & {self._readable})

    @property
    def _readable(self) -> str | None:
        return None if self.actor.may(Action.READ_REVIEWS) else self.actor.name

    def assign(self, queue: ReviewQueue) -> None:
        """Give cases to review to oneself or, if the role lets one, to somebody else."""
        own = queue.reader == self.actor.name
        entry = self._allowed(
            Action.ASSIGN_CASES if own else Action.ASSIGN_TO_OTHERS,
            queue.name,
            reader=queue.reader,
            cases=len(queue.cases),
        )
        self._only_as_oneself(entry.action, queue.created_by)
        self.store.queues.assign(queue, entry)

    def queues(self, model: str) -> tuple[ReviewQueue, ...]:
        """What one was asked to review on a model, newest first."""
        self._allowed(Action.ASSIGN_CASES)
        return self.store.queues.of(self.actor.name, model)

    def open_cases(self, queue: ReviewQueue) -> tuple[str, ...]:
        """Cases of a queue that its reader has not reviewed."""
        if queue.reader != self.actor.name:
            self._allowed(Action.READ_REVIEWS, queue.reader)
        return self.store.queues.open_cases(queue)

    def colleagues(self) -> tuple[str, ...]:
        """Everybody who has reviewed, begun to, or was asked to, by name."""
        self._allowed(Action.READ_REVIEWS)
        asked = {queue.reader for queue in self.store.queues.all()}
        return tuple(sorted({*self.store.reviews.readers(), *self.store.drafts.readers(), *asked}))

    # --- What everybody sees ----------------------------------------------------------------

    def save_operating_point(self, point: OperatingPoint) -> None:
        """Put an operating point in force."""
        entry = self._allowed(Action.OPERATING_POINT, point.name, model=point.model)
        self.store.save_operating_point(point, entry)

    def save_devices(self, devices: tuple[Device, ...]) -> None:
        """Keep an edited list of devices."""
        entry = self._allowed(Action.DEVICES, devices=len(devices))
        self.store.save_devices(devices, entry.at, entry)

    # --- Data, trainings, models ------------------------------------------------------------

    def bring_data(self, file: str) -> None:
        """Note that a file is brought in, before it is read."""
        self.store.audit.append(self._allowed(Action.BRING_DATA, file, what="read"))

    def save_data(self, collection: Collection) -> None:
        """Keep data for training."""
        with self._noting(Action.BRING_DATA, collection.card.key, what="save"):
            self.workspace.save(collection)

    def submit(self, job: Job) -> str:
        """Put a training at the end of the queue; gives its id."""
        with self._noting(Action.TRAIN_MODEL, job.title, what="submit", data=job.collection):
            return self._queue.add(job)

    def begin_training(self) -> None:
        """Start the process that trains what waits."""
        self._allowed(Action.TRAIN_MODEL)
        start(self.workspace)

    def stop_training(self, job_id: str) -> None:
        """Have a training end early."""
        self._at_queue("stop", job_id, lambda: self._queue.stop(job_id))

    def resume_training(self, job_id: str) -> None:
        """Put a training that ended early at the end of the queue again."""
        self._at_queue("resume", job_id, lambda: self._queue.resume(job_id))

    def move_training(self, job_id: str, earlier: bool) -> None:
        """Let a training that waits change places with its neighbour."""
        self._at_queue("move", job_id, lambda: self._queue.move(job_id, earlier))

    def remove_training(self, job_id: str) -> None:
        """Delete a training with what it has kept; the model it became stays."""
        self._at_queue("remove", job_id, lambda: self._queue.remove(job_id))

    def _at_queue(self, what: str, job_id: str, do: Callable[[], None]) -> None:
        with self._noting(Action.TRAIN_MODEL, job_id, what=what):
            do()

    @property
    def _queue(self) -> Queue:
        return Queue(self.workspace.jobs)

    def rename_model(self, name: str, title: str) -> None:
        """Give a model of one's own another title."""
        with self._noting(Action.RENAME_MODEL, name, title=title):
            rename(self.workspace, name, title)

    def delete_model(self, name: str) -> None:
        """Move a model to the trash."""
        with self._noting(Action.DELETE_MODEL, name):
            delete(self.workspace, name)

    def restore_model(self, name: str) -> None:
        """Bring a model back from the trash."""
        with self._noting(Action.RESTORE_MODEL, name):
            restore(self.workspace, name)

    def import_model(self, file: io.BytesIO | io.BufferedReader, called: str) -> str:
        """Bring in a model from a file; gives its name."""
        self.store.audit.append(self._allowed(Action.IMPORT_MODEL, called, what="read"))
        # Reading it takes seconds, in which others must be able to write.
        name = unpack(file, called, self.workspace)
        self.store.audit.append(self._allowed(Action.IMPORT_MODEL, called, what="keep", made=name))
        return name

    def export_model(self, name: str) -> bytes:
        """A model and its cases as one file."""
        self.store.audit.append(self._allowed(Action.EXPORT_MODEL, name))
        file = io.BytesIO()
        pack(folder_of(self.workspace, name), file)
        return file.getvalue()

    def score(
        self,
        model: Model,
        source: Path,
        outs: Sequence[Path],
        rejects: Path,
        policy: Policy,
        network: "Network",
    ) -> Iterator[Progress]:
        """Score a file of new cases, as ``predict`` does."""
        self.store.audit.append(self._allowed(Action.SCORE_FILE, model.name, model=model.digest))
        return predict(model, source, outs, rejects, policy, network)

    # --- What a model learns from reviews, and which is in force ----------------------------

    def keep_set(self, content: ReviewedSet) -> SavedSet:
        """Keep what reviews add up to, as the next version."""
        self._allowed(Action.TRAIN_MODEL, content.task)
        return self.store.sets.save(self.actor, content, now())

    def learn(
        self,
        model: Model,
        policy: Policy,
        kept: SavedSet,
        spec: AdapterSpec,
        on_step: Callable[[str], None],
    ) -> str:
        """Fit an update of a model on a set and put it on the shelf; gives its name."""
        about = {"reviewed_set": kept.version, "model": model.digest}
        entry = self._allowed(Action.TRAIN_MODEL, model.name, what="learn", **about)
        self.store.audit.append(entry)
        from minspnet.learning.update import learn

        # It takes seconds, in which others must be able to write.
        made = learn(self.actor, model, policy, kept, self.workspace, spec, on_step)
        about = {"what": "keep", "made": made, **about}
        self.store.audit.append(self._allowed(Action.TRAIN_MODEL, model.name, **about))
        return made

    def adopt_model(
        self, task: str, model: tuple[str, str], replaced: tuple[str, str], reason: str
    ) -> None:
        """Put a model in force, in place of another; both by digest and name."""
        self._allowed(Action.ADOPT_MODEL, model[1])
        self.store.adoptions.adopt(self.actor, task, model, replaced, now(), reason)

    def roll_back(self, task: str, seen: str, reason: str) -> None:
        """Put the model back that the one in force, seen by its digest, took the place of."""
        self._allowed(Action.ROLL_BACK, task)
        self.store.adoptions.roll_back(self.actor, task, seen, now(), reason)

    # --- What leaves --------------------------------------------------------------------------

    def export(self, what: str, needs: Action = Action.EXPORT, **detail: object) -> None:
        """Note that something is taken along, before it is handed over.

        Args:
            what: It is.
            needs: What else the role must let them do, as to read what is in it.
            detail: More of it.
        """
        self._allowed(needs, what)
        self.store.audit.append(self._allowed(Action.EXPORT, what, **detail))

    def access_log(
        self,
        who: str | None = None,
        action: Action | None = None,
        since: str | None = None,
        most: int | None = 100,
    ) -> tuple[AuditEntry, ...]:
        """Who did what, newest first."""
        self._allowed(Action.READ_ACCESS_LOG)
        return self.store.audit.find(who, action, since=since, most=most)

    def known_actors(self) -> tuple[str, ...]:
        """Everybody of whom the audit log says anything, by name."""
        self._allowed(Action.READ_ACCESS_LOG)
        return self.store.audit.actors()

    # --- The question -------------------------------------------------------------------------

    def _allowed(self, action: Action, about: str = "", **detail: object) -> AuditEntry:
        """Ask; gives the entry that says it was done."""
        try:
            self.actor.must_be_allowed(action)
        except NotAllowedError:
            self._refuse(action, about)
            raise
        return self._entry(action, about, detail)

    def _only_as_oneself(self, action: Action, name: str) -> None:
        if name != self.actor.name:
            self._refuse(action, name)
            raise NotAllowedError(
                f"The name must be {self.actor.name}, as whom you are here, got {name}; reload the "
                "page."
            )

    def _refuse(self, wanted: Action, about: str) -> None:
        self.store.audit.append(self._entry(Action.REFUSED, about, {"wanted": str(wanted)}))

    def _entry(self, action: Action, about: str, detail: Mapping[str, object]) -> AuditEntry:
        # Files from outside are called as they like; an entry holds a line.
        line = "".join(one if one.isprintable() else "?" for one in about)[:LONGEST_NAME]
        return AuditEntry(now(), self.actor.name, str(self.actor.role), action, line, detail)

    def _noting(self, action: Action, about: str = "", **detail: object) -> Any:
        """Ask, then do something and note it, or neither."""
        return self.store.audit.noting(self._allowed(action, about, **detail))
