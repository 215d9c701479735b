"""The trusted side: hidden tests, expected values, labels and scores. It asks a worker, and believes nothing it says."""
