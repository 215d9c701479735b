"""The untrusted side: it imports a student's code and answers calls. NumPy and the standard library only."""
