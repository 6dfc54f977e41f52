"""Ask the dashboard in this container whether it is well; ends with 0 if it is."""

import os
import sys
import urllib.request

PORT = os.environ.get("STREAMLIT_SERVER_PORT", "8501")
BASE = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")

if __name__ == "__main__":
    address = f"http://127.0.0.1:{PORT}/{BASE}{'/' * bool(BASE)}_stcore/health"
    try:
        with urllib.request.urlopen(address, timeout=4) as answer:
            sys.exit(answer.read() != b"ok")
    except OSError as error:
        sys.exit(str(error))
