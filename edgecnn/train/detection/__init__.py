"""What a detector learns from: which places are right, and how wrong a prediction is."""
