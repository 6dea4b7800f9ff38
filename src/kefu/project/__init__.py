"""`kefu.yaml` as strict typed settings, each value with its origin."""

from kefu.project.load import FILE_NAME, Loaded, find, load, secret
from kefu.project.schema import Project

__all__ = ["FILE_NAME", "Loaded", "Project", "find", "load", "secret"]
