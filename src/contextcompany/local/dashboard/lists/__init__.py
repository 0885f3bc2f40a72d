"""The pages that lead to runs: the overview, lists of runs and of what they share."""
