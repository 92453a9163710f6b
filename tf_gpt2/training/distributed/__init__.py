"""Training by several devices and processes: who takes part, what they tell each other, the step they share."""
