"""Training: what all methods share. Losses and targets of a method are in the method's file."""
