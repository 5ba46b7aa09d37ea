"""Speed, as ratios taken in one run: each figure stands beside the limit of the machine and a peer."""
