"""1. What happened? Sources are read, cleaned and stored as articles."""
