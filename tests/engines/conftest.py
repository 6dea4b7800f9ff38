from tiny_engine import tiny

__all__ = ["tiny"]
