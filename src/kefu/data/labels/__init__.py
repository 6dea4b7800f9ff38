"""Who labels a conversation: the rules of its dataset class, a classifier learned from people's labels, or a language model."""

from kefu.data.labels.apply import apply

__all__ = ["apply"]
