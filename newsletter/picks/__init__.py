"""2. What matters today? Articles become stories, stories get points, the best are picked. All of it is pure."""
