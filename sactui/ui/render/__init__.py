"""What is known, as rows, sentences and sections: pure functions from the domain, no Textual.

Text carries the *name* of a style (``working``, ``dim``, ``bar-red+bold``); the
theme decides what that looks like.
"""
