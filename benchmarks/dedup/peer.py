"""datasketch in its own environment: one JSON object a line on stdin, `{threshold, sets}`; `{pairs, seconds}` on stdout."""

from __future__ import annotations

import json
import sys
import time

from datasketch import MinHash, MinHashLSH


def main() -> None:
    for line in sys.stdin:
        given = json.loads(line)
        started = time.perf_counter()
        index = MinHashLSH(threshold=given["threshold"], num_perm=128)
        pairs = []
        for j, tokens in enumerate(given["sets"]):
            sketch = MinHash(num_perm=128)
            for token in tokens:
                sketch.update(token.encode())
            pairs += [(i, j) for i in index.query(sketch)]
            index.insert(j, sketch)
        print(json.dumps({"pairs": pairs, "seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
