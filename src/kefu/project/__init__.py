"""`kefu.yaml` as strict typed settings, each value with its origin."""

from kefu.project.load import FILE_NAME, Loaded, expanded, find, load, secret
from kefu.project.schema import Project

__all__ = ["FILE_NAME", "Loaded", "Project", "expanded", "find", "load", "secret"]
