"""Health check of the edge, gateway and console containers: exit 0 when /readyz answers 200."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

if __name__ == "__main__":
    url = f"http://127.0.0.1:{sys.argv[1]}/readyz"
    try:
        # Our own port: a proxy in the environment is not for it.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        direct.open(url, timeout=3).close()
    except (urllib.error.URLError, OSError) as error:
        sys.exit(f"not ready: {error}")
