"""What is drawn: figures become pictures here and nowhere else."""
