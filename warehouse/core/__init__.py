"""What every stage shares: settings, errors, databases, the ledger and contracts. It knows no stage."""
