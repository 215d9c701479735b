"""Neural networks in NumPy: layers, update rules, fully connected nets, and what is needed to train and check them."""
