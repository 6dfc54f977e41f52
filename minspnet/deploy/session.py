"""Read an exported model and decide with it, without torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from jaxtyping import Float

from minspnet.errors import UserError, in_a_line, requirement
from minspnet.policy import Policy
from minspnet.trace import Decision, ExpertTree, comparable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_NUMBERS = 2**17
"""Of inputs that a model for batches takes at a time: more of them outgrow the caches."""
_SAID = ("active", "outputs", "concepts", "class_logits", "probabilities", "predicted")


@dataclass(frozen=True)
class Exported:
    """A model in ONNX Runtime.

    Attributes:
        session: Runs it.
        tree: Names and parents of its experts.
        concept_names: One per concept.
        class_names: One per class.
        policy: What it was exported with.
        batches: It takes any number of cases at a time, rather than one.
        may_lack: Cells may be missing.
        digest: Of the model folder it came from, if any.
    """

    session: "InferenceSession"
    tree: ExpertTree
    concept_names: tuple[str, ...]
    class_names: tuple[str, ...]
    policy: Policy
    batches: bool
    may_lack: bool
    digest: str

    @classmethod
    def open(cls, model: Path | bytes, threads: int = 1) -> Self:
        """Read a file, or what would be in it.

        Args:
            model: Written by ``minspnet.deploy.export``.
            threads: That one operator may use.

        Raises:
            UserError: If it is no such model.
        """
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait by spinning take their core from whoever else needs it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            given = model if isinstance(model, bytes) else str(model)
            session = ort.InferenceSession(given, options, providers=["CPUExecutionProvider"])
            about = {
                name: json.loads(text)
                for name, text in session.get_modelmeta().custom_metadata_map.items()
            }
            return cls(
                session,
                ExpertTree(tuple(about["experts"]), tuple(about["parents"])),
                tuple(about["concepts"]),
                tuple(about["classes"]),
                Policy.from_text(**about["policy"]),
                about["way"] != "case",
                about["missing"],
                about["model"],
            )
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"the file is not an exported model ({in_a_line(error)}); export it anew."
            ) from error

    @property
    def rows(self) -> int:
        """Cases that ``decide`` gives to one run: few large ones, or many small ones."""
        if not self.batches:
            return 1
        return int(np.clip(_NUMBERS // np.prod(self.input_shape), 8, 1024))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one case."""
        return tuple(self.session.get_inputs()[0].shape[1:])

    def feed(self, policy: Policy) -> dict[str, np.ndarray]:
        """A policy as the graph's inputs."""
        return {
            "gate_thresholds": clamped(policy),
            "decision_threshold": np.array(policy.decision_threshold, dtype=np.float32),
        }

    def decide(self, inputs: Float[np.ndarray, "case *input"], policy: Policy) -> Decision:
        """Decide on cases; a model for one case takes them one by one.

        Raises:
            UserError: If inputs or policy do not fit the model.
        """
        policy.check(self.tree.names, self.concept_names)
        if policy.interventions:
            raise requirement(
                "policy", "be free of interventions", policy.to_text()["edit"], "replay a trace"
            )
        self._check(inputs)
        cases = np.ascontiguousarray(inputs, dtype=np.float32)
        thresholds = self.feed(policy)
        runs = [cases[start : start + self.rows] for start in range(0, len(cases), self.rows)]
        said = [self.session.run(_SAID, {"inputs": run, **thresholds}) for run in runs]
        found = dict(zip(_SAID, map(np.concatenate, zip(*said, strict=True)), strict=True))
        # The runtime's whole numbers are of another kind than numpy's own.
        return Decision(**found | {"predicted": found["predicted"].astype(np.intp)})

    def _check(self, inputs: np.ndarray) -> None:
        shape = self.input_shape
        if inputs.shape[1:] != shape or not len(inputs):
            raise requirement(
                "inputs",
                f"be one case or more of shape ({', '.join(map(str, shape))})",
                inputs.shape,
                "check the domain and its variant",
            )
        if np.isinf(inputs).any() or (np.isnan(inputs).any() and not self.may_lack):
            raise requirement("inputs", "be finite", "NaN or infinity", "fill or drop it")


def clamped(policy: Policy) -> Float[np.ndarray, " expert"]:
    """Gate thresholds as gates are compared with them."""
    return np.array([comparable(threshold) for threshold in policy.gate_thresholds], np.float32)
