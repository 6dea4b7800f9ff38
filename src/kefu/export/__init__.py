"""Convert and quantise a tuned model, then prove by gates that it still says the same.

`run` makes `out/engine/` (an OpenVINO folder that `kefu.engines.open` takes) and `out/gates.json`.
"""

from kefu.export.build import run

__all__ = ["run"]
