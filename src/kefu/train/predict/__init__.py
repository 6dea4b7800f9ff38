"""`kefu predict`: a trained model and a file of rows in, a file of predictions out, whatever the model was trained for."""

from __future__ import annotations

from kefu.train.predict.files import Answered, predict_file

__all__ = ["Answered", "predict_file"]
