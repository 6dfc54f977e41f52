"""LIT on columns and a scikit-learn model, in the layout of its own example of such."""

import sys
from pathlib import Path

import lit_nlp
import numpy as np
from breast import CLASSES, Breast, breast, classifier
from lit_nlp import dev_server
from lit_nlp.api import dataset, layout, model, types

COLUMNS = breast(0).test.columns
INPUTS = {name: types.Scalar(step=0.001, min_val=0, max_val=5000) for name in COLUMNS}
LABEL = {"diagnosis": types.CategoryLabel(vocab=list(CLASSES))}
LAYOUT = layout.LitCanonicalLayout(
    upper={
        "Main": [
            layout.LitModuleName.DiveModule,
            layout.LitModuleName.DataTableModule,
            layout.LitModuleName.DatapointEditorModule,
        ]
    },
    lower=layout.STANDARD_LAYOUT.lower,
    description="Columns",
)


class Cases(dataset.Dataset):
    """The cases shown."""

    def __init__(self, data: Breast) -> None:
        answers = [CLASSES[label] for label in data.test_labels]
        rows = data.test.to_dict("records")
        self._examples = [
            row | {"diagnosis": answer} for row, answer in zip(rows, answers, strict=True)
        ]

    def spec(self) -> types.Spec:
        return INPUTS | LABEL


class Classifier(model.BatchedModel):
    """The model shown."""

    def __init__(self, data: Breast) -> None:
        self.model = classifier(data)

    def max_minibatch_size(self) -> int:
        return 4096

    def input_spec(self) -> types.Spec:
        return INPUTS

    def output_spec(self) -> types.Spec:
        return {"said": types.MulticlassPreds(parent="diagnosis", vocab=list(CLASSES), null_idx=0)}

    def predict_minibatch(self, inputs: list[dict[str, float]]) -> list[dict[str, np.ndarray]]:
        rows = np.array([[float(one[name]) for name in COLUMNS] for one in inputs])
        return [{"said": said} for said in self.model.predict_proba(rows)]


if __name__ == "__main__":
    port, cases = map(int, sys.argv[1:])
    data = breast(cases)
    dev_server.Server(
        {"logistic regression": Classifier(data)},
        {"breast": Cases(data)},
        port=port,
        host="127.0.0.1",
        layouts={"columns": LAYOUT},
        default_layout="columns",
        client_root=str(Path(lit_nlp.__file__).parent / "client" / "build" / "default"),
    ).serve()
