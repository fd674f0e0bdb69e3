"""Health check of the edge and gateway containers: exit 0 when /readyz answers 200."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

if __name__ == "__main__":
    url = f"http://127.0.0.1:{sys.argv[1]}/readyz"
    try:
        urllib.request.urlopen(url, timeout=3).close()  # our own port
    except (urllib.error.URLError, OSError) as error:
        sys.exit(f"not ready: {error}")
