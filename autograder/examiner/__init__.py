"""The trusted side: it holds hidden tests, expected values, labels and scores, and believes nothing a worker says."""
