"""`kull doctor`: what is wrong with a set-up, in order, and what to do about it."""
