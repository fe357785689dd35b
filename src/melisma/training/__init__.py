"""Training: order, gradient descent, averages, and the loop that knows neither tasks nor runs."""
