"""InterpretML with the explanations of every case: ``PYTHON THIS PORT CASES``."""

import sys
import time

from breast import breast
from interpret import set_show_addr, show
from interpret.glassbox import LogisticRegression

if __name__ == "__main__":
    port, cases = map(int, sys.argv[1:])
    data = breast(cases)
    model = LogisticRegression(solver="newton-cholesky").fit(data.train, data.train_labels)
    set_show_addr(("127.0.0.1", port))
    show(model.explain_local(data.test, data.test_labels))
    while True:
        time.sleep(60)
