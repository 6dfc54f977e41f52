"""explainerdashboard as its first page says to start it: ``PYTHON THIS PORT CASES``."""

import sys

from breast import CLASSES, breast, classifier
from explainerdashboard import ClassifierExplainer, ExplainerDashboard

if __name__ == "__main__":
    port, cases = map(int, sys.argv[1:])
    data = breast(cases)
    explainer = ClassifierExplainer(
        classifier(data), data.test, data.test_labels, X_background=data.train, labels=list(CLASSES)
    )
    ExplainerDashboard(explainer).run(port, host="127.0.0.1")
