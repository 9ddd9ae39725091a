"""Background work: sweeps, receipts, private messages and retention."""
