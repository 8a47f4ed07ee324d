"""A daily newsletter: collected, picked, built, approved and sent, every morning.

Start with `daily.py`: the day of an issue, one line a stage. The folders beside it are the morning in its order:
`sources`, `picks`, `issues`, `rendering`, `delivery`, `tracking`.
"""
