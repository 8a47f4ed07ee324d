"""4. How does it look? Once an edition, never once a reader."""
