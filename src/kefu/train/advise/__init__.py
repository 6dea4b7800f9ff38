"""Which base to start from: a catalogue of facts, estimates of memory and speed, and a ranked answer with its reasons."""

from kefu.train.advise.advise import Advice, Need, advise
from kefu.train.advise.catalogue import DOMAINS, LANGUAGES, TASKS, Model, catalogue

__all__ = ["DOMAINS", "LANGUAGES", "TASKS", "Advice", "Model", "Need", "advise", "catalogue"]
