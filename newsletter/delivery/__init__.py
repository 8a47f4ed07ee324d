"""5. Bring it there: one row before any byte, one message a reader, and a ledger whose sum is always right."""
