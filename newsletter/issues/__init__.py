"""3. The day's issue: picks, words on top, and the few moves it may make from draft to sent."""
