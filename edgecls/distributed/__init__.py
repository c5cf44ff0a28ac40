"""One training over several processes: who takes part, whether they agree, and what they tell each other."""
