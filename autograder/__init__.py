"""Turn a folder of hand-ins into scores with reasons."""
