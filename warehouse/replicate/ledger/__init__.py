"""What replication has to remember: epochs, gaps, differences, states of columns."""
