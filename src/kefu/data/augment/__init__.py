"""More training questions from those there are, and wrong answers to learn from; never into validation or test.

synonym, frame and slip need nothing but this machine; paraphrase and back_translation ask a language model handed in.
"""

from kefu.data.augment.check import check
from kefu.data.augment.make import make, wanted
from kefu.data.augment.rows import Augmented, Made, Question

__all__ = ["Augmented", "Made", "Question", "check", "make", "wanted"]
