"""What comes back: mails of readers who want to leave."""
