"""Recipes that come with kefu, one per method; `kefu train --list` names them."""
