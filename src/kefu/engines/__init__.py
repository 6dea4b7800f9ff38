"""Run a model: one `Engine` protocol. Knows nothing about customers.

engine = engines.open("build/engine/…/engine")          # OpenVINO folder (engine.json)
engine = engines.open("path/or/hub/checkpoint")         # Hugging Face folder (transformers)
engine = engines.open("http://127.0.0.1:9000/v1")       # any OpenAI-compatible URL
done = engines.run(engines.complete(engine, [{"role": "user", "content": "hi"}]))
"""

from kefu.engines.access import open
from kefu.engines.protocol import Completion, Delta, Engine, EngineBusy, Sampling, Score, complete, run

__all__ = ["Completion", "Delta", "Engine", "EngineBusy", "Sampling", "Score", "complete", "open", "run"]
