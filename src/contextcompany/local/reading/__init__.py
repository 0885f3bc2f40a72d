"""What spans say, whichever library wrote them: kinds, figures, messages, and the trees they stand in."""
